// SPDX-License-Identifier: Apache-2.0

// The usual way to write an exporter over a BPF ring buffer in Go: cilium/ebpf's ring reader, a decoder, client_golang.
//
//	drain PINNED-MAP syscall|tcp binary|hand
//
// For each number of records read from stdin, drains so many into metrics and prints the CPU time that took, ns. `binary`
// decodes with encoding/binary.Read as cilium/ebpf's examples do; `hand` reads each member that it needs at its offset, out
// of one buffer that is used again.
package main

import (
	"bufio"
	"fmt"
	"log"
	"os"
	"strconv"
	"syscall"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/ringbuf"
)

// handle decodes one record and counts it.
type handle func(sample []byte) error

func handler(signal, decoding string) handle {
	switch signal + " " + decoding {
	case "syscall binary":
		return syscallBinary
	case "syscall hand":
		return syscallByHand
	case "tcp binary":
		return tcpBinary
	case "tcp hand":
		return tcpByHand
	}
	log.Fatalf("drain: %q, %q: want syscall or tcp, binary or hand", signal, decoding)
	return nil
}

// cpuTime of all threads, the garbage collector's among them, in nanoseconds.
func cpuTime() int64 {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		log.Fatal(err)
	}
	return usage.Utime.Nano() + usage.Stime.Nano()
}

// drain returns what the records took of CPU time.
func drain(events *ebpf.Map, records int, reuse bool, take handle) (int64, error) {
	reader, err := ringbuf.NewReader(events)
	if err != nil {
		return 0, err
	}
	defer reader.Close()
	var record ringbuf.Record
	start := cpuTime()
	for i := 0; i < records; i++ {
		if reuse {
			err = reader.ReadInto(&record)
		} else {
			record, err = reader.Read()
		}
		if err == nil {
			err = take(record.RawSample)
		}
		if err != nil {
			return 0, err
		}
	}
	return cpuTime() - start, nil
}

func main() {
	if len(os.Args) != 4 {
		log.Fatal("usage: drain PINNED-MAP syscall|tcp binary|hand")
	}
	events, err := ebpf.LoadPinnedMap(os.Args[1], nil)
	if err != nil {
		log.Fatal(err)
	}
	take := handler(os.Args[2], os.Args[3])
	requests := bufio.NewScanner(os.Stdin)
	for requests.Scan() {
		records, err := strconv.Atoi(requests.Text())
		if err != nil {
			log.Fatal(err)
		}
		took, err := drain(events, records, os.Args[3] == "hand", take)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(took)
	}
}
