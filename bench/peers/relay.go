// SPDX-License-Identifier: MIT
// relay - a TCP relay in Go: io.Copy both ways, which splices on Linux.
//
//	relay ADDR TARGET
package main

import (
	"fmt"
	"io"
	"net"
	"os"
)

func one(to, from *net.TCPConn, done chan bool) {
	io.Copy(to, from)
	to.CloseWrite()
	done <- true
}

func relay(client net.Conn) {
	defer client.Close()
	target, err := net.Dial("tcp", os.Args[2])
	if err != nil {
		return
	}
	defer target.Close()
	done := make(chan bool)
	go one(target.(*net.TCPConn), client.(*net.TCPConn), done)
	go one(client.(*net.TCPConn), target.(*net.TCPConn), done)
	<-done
	<-done
}

func main() {
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening on", l.Addr())
	for {
		c, err := l.Accept()
		if err == nil {
			go relay(c)
		}
	}
}
