// SPDX-License-Identifier: MIT
// http - hello and static files with Go's net/http, GOMAXPROCS=1.
//
//	http ADDR        "Hello, World!" for every path
//	http ADDR DIR    the files of DIR
package main

import (
	"fmt"
	"net"
	"net/http"
	"os"
)

func hello(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain")
	w.Write([]byte("Hello, World!"))
}

func main() {
	l, err := net.Listen("tcp", os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("listening on", l.Addr())
	var h http.Handler = http.HandlerFunc(hello)
	if len(os.Args) > 2 {
		h = http.FileServer(http.Dir(os.Args[2]))
	}
	fmt.Fprintln(os.Stderr, http.Serve(l, h))
}
