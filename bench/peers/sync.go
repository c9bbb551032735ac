// SPDX-License-Identifier: MIT
// sync - what bench/channel.c and wake.c do, with goroutines and channels.
//
// To be run with GOMAXPROCS=1: gev has one thread per hub.
//
//	pair N     a channel with a buffer of N values, one sends, one receives
//	many N     unbuffered, N send and N receive
//	choose N   one sends to the first of N channels, one selects
//	queue 0    send and receive by one goroutine, buffered
//	queue N    as pair N
//	spawn N    start N goroutines, wait for them all
//	event N    N goroutines wait in a sync.Cond, which is broadcast
//	semaphore  a unit back and forth between two, as channels of one
//	lock       a sync.Mutex, locked and unlocked
package main

import (
	"fmt"
	"os"
	"runtime"
	"sort"
	"strconv"
	"sync"
	"time"
)

const reps = 5

var (
	perRep = 1000000
	bad    = false
	done   sync.WaitGroup
)

func send(ch chan uint64, n int) {
	for i := 1; i <= n; i++ {
		ch <- uint64(i)
	}
	done.Done()
}

func receive(ch chan uint64, n int, sum *uint64) {
	for i := 0; i < n; i++ {
		v := <-ch
		*sum += v
	}
	done.Done()
}

func pairs(n, capacity int) {
	ch := make(chan uint64, capacity)
	share := perRep / n
	var sum uint64
	done.Add(2 * n)
	for i := 0; i < n; i++ {
		go send(ch, share)
		go receive(ch, share, &sum)
	}
	done.Wait()
	bad = bad || sum != uint64(n*(share*(share+1)/2))
}

// choose selects among n channels: a select of fixed size, as programs have.
func choose(n int) {
	a, b := make(chan uint64), make(chan uint64)
	var sum uint64
	done.Add(2)
	go send(a, perRep)
	go func() {
		for i := 0; i < perRep; i++ {
			select {
			case v := <-a:
				sum += v
			case v := <-b:
				sum += v
			}
		}
		done.Done()
	}()
	done.Wait()
	bad = bad || n != 2 || sum != uint64(perRep*(perRep+1)/2)
}

func alone() {
	ch := make(chan uint64, 16)
	var sum uint64
	done.Add(1)
	go func() {
		for i := 1; i <= perRep; i++ {
			ch <- uint64(i)
			v := <-ch
			sum += v
		}
		done.Done()
	}()
	done.Wait()
	bad = bad || sum != uint64(perRep*(perRep+1)/2)
}

func spawn(n int) {
	count := 0
	for i := 0; i < perRep/n; i++ {
		done.Add(n)
		for k := 0; k < n; k++ {
			go func() {
				count++
				done.Done()
			}()
		}
		done.Wait()
	}
	bad = bad || count != perRep/n*n
}

func event(n int) {
	var mu sync.Mutex
	cond := sync.NewCond(&mu)
	count, waiting, end := 0, 0, false
	done.Add(n)
	for i := 0; i < n; i++ {
		go func() {
			mu.Lock()
			for waiting++; ; {
				cond.Wait()
				if end {
					break
				}
				count++
			}
			mu.Unlock()
			done.Done()
		}()
	}
	for all := false; !all; runtime.Gosched() {
		mu.Lock()
		all = waiting == n
		mu.Unlock()
	}
	for i := 1; i <= perRep/n; i++ {
		mu.Lock()
		cond.Broadcast()
		for count < i*n {
			mu.Unlock()
			runtime.Gosched()
			mu.Lock()
		}
		mu.Unlock()
	}
	mu.Lock()
	end = true
	cond.Broadcast()
	mu.Unlock()
	done.Wait()
}

func semaphore() {
	a, b := make(chan struct{}, 1), make(chan struct{}, 1)
	done.Add(1)
	go func() {
		for range a {
			b <- struct{}{}
		}
		done.Done()
	}()
	for i := 0; i < perRep/2; i++ {
		a <- struct{}{}
		<-b
	}
	close(a)
	done.Wait()
}

func lock() {
	var mu sync.Mutex
	for i := 0; i < perRep; i++ {
		mu.Lock()
		mu.Unlock()
	}
}

func run(mode string, n int) {
	switch {
	case mode == "pair", mode == "queue" && n > 0:
		pairs(1, n)
	case mode == "many":
		pairs(n, 0)
	case mode == "choose":
		choose(n)
	case mode == "queue":
		alone()
	case mode == "spawn":
		spawn(n)
	case mode == "event" && n > 0:
		event(n)
	case mode == "semaphore":
		semaphore()
	case mode == "lock":
		lock()
	default:
		fmt.Fprintln(os.Stderr, "usage: sync_go MODE N [--quick]")
		os.Exit(2)
	}
}

func main() {
	if len(os.Args) < 3 {
		run("", 0)
	}
	n, _ := strconv.Atoi(os.Args[2])
	if os.Args[len(os.Args)-1] == "--quick" {
		perRep = 100000
	}
	var ns []float64
	for rep := 0; rep < reps; rep++ {
		start := time.Now()
		run(os.Args[1], n)
		ns = append(ns, float64(time.Since(start).Nanoseconds())/float64(perRep))
	}
	sort.Float64s(ns)
	fmt.Printf("{\"mode\": \"%s\", \"n\": %d, \"ns\": %.2f, \"frames_ok\": %t}\n",
		os.Args[1], n, ns[reps/2], !bad)
	if bad {
		os.Exit(1)
	}
}
