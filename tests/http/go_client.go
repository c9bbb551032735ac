// SPDX-License-Identifier: MIT

// go_client ADDR asks a gev server with Go's HTTP client: many requests on few
// connections, bodies with a length and without, an expectation, HEAD. It
// prints what it did, and exits with 1 at the first thing that is wrong.
package main

import (
	"bytes"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"
)

const workers, each = 8, 100

var dialed int32

func check(what string, r *http.Response, err error, want []byte) {
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
	got, err := io.ReadAll(r.Body)
	if err != nil {
		log.Fatalf("%s: %v", what, err)
	}
	r.Body.Close()
	if r.StatusCode != 200 || r.Proto != "HTTP/1.1" || !bytes.Equal(got, want) {
		log.Fatalf("%s: %s %s, %d bytes", what, r.Proto, r.Status, len(got))
	}
}

func worker(c *http.Client, url string, n int) {
	body := bytes.Repeat([]byte{byte('a' + n)}, 10000*(n+1))
	for i := 0; i < each; i++ {
		r, err := c.Get(url)
		check("GET", r, err, []byte("Hello, World!"))
	}
	r, err := c.Post(url+"echo", "text/plain", bytes.NewReader(body))
	check("POST with a length", r, err, body)
	// A reader whose length Go does not know goes out in chunks.
	r, err = c.Post(url+"echo", "text/plain", io.MultiReader(bytes.NewReader(body)))
	check("POST in chunks", r, err, body)
	q, _ := http.NewRequest("POST", url+"echo", bytes.NewReader(body))
	q.Header.Set("Expect", "100-continue")
	r, err = c.Do(q)
	check("POST that expects", r, err, body)
	r, err = c.Head(url)
	check("HEAD", r, err, nil)
	if r.ContentLength != 13 {
		log.Fatalf("HEAD: length %d", r.ContentLength)
	}
}

func main() {
	log.SetFlags(0)
	dialer := net.Dialer{}
	t := &http.Transport{
		MaxIdleConnsPerHost:   workers,
		ExpectContinueTimeout: 10 * time.Second,
		Dial: func(network, addr string) (net.Conn, error) {
			atomic.AddInt32(&dialed, 1)
			return dialer.Dial(network, addr)
		},
	}
	c := &http.Client{Transport: t, Timeout: 30 * time.Second}
	url := "http://" + os.Args[1] + "/"
	var all sync.WaitGroup
	for n := 0; n < workers; n++ {
		all.Add(1)
		go func(n int) {
			worker(c, url, n)
			all.Done()
		}(n)
	}
	all.Wait()
	r, err := c.Get(url + strings.Repeat("a", 7000))
	if err != nil || r.StatusCode != 404 {
		log.Fatalf("a long path: %v", err)
	}
	fmt.Printf("%d requests on %d connections\n", workers*(each+4)+1, dialed)
}
