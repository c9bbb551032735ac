// SPDX-License-Identifier: MIT
// echo - the echo server in Go: a goroutine per connection, GOMAXPROCS=1.
//
// net.Conn sets TCP_NODELAY and net.Listen a backlog of somaxconn by itself.
package main

import (
	"fmt"
	"net"
	"os"
)

func serve(c net.Conn) {
	defer c.Close()
	buf := make([]byte, 16384)
	for {
		n, err := c.Read(buf)
		if err != nil {
			return
		}
		if _, err = c.Write(buf[:n]); err != nil {
			return
		}
	}
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
			go serve(c)
		}
	}
}
