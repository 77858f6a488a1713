// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strconv"

	"github.com/prometheus/client_golang/prometheus"
)

// The bounds of ringtap's own histograms: 2^8 ns to 2^36 ns.
var buckets = prometheus.ExponentialBuckets(1.0/(1<<22), 2, 29)

func counter(name string, labels ...string) *prometheus.CounterVec {
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: name}, labels)
	prometheus.MustRegister(vec)
	return vec
}

func histogram(name string, labels ...string) *prometheus.HistogramVec {
	vec := prometheus.NewHistogramVec(prometheus.HistogramOpts{Name: name, Help: name, Buckets: buckets}, labels)
	prometheus.MustRegister(vec)
	return vec
}

var (
	syscalls        = counter("syscalls_total", "pid", "comm", "syscall")
	syscallErrors   = counter("syscall_errors_total", "pid", "comm", "syscall", "errno")
	syscallSeconds  = counter("syscall_seconds_total", "pid", "comm", "syscall")
	syscallDuration = histogram("syscall_duration_seconds", "comm", "syscall")

	connects          = counter("tcp_connects_total", "pid", "comm", "family", "result")
	connectSeconds    = histogram("tcp_connect_seconds", "comm")
	accepts           = counter("tcp_accepts_total", "pid", "comm", "family")
	connectionSeconds = histogram("tcp_connection_seconds", "comm", "role")
	sentBytes         = counter("tcp_sent_bytes_total", "pid", "comm")
	receivedBytes     = counter("tcp_received_bytes_total", "pid", "comm")
	rtt               = histogram("tcp_rtt_seconds", "comm")
)

func text(comm []byte) string {
	if end := bytes.IndexByte(comm, 0); end >= 0 {
		comm = comm[:end]
	}
	return string(comm)
}

// names[n] stands for the name of call n, which ringtap takes from a table, too.
var names = func() (names [1024]string) {
	for n := range names {
		names[n] = "syscall_" + strconv.Itoa(n)
	}
	return names
}()

func countSyscall(tgid uint32, commBytes []byte, nr, errno uint32, nanoseconds uint64) {
	pid, comm, name := strconv.Itoa(int(tgid)), text(commBytes), names[nr&1023]
	seconds := float64(nanoseconds) / 1e9
	syscalls.WithLabelValues(pid, comm, name).Inc()
	syscallSeconds.WithLabelValues(pid, comm, name).Add(seconds)
	syscallDuration.WithLabelValues(comm, name).Observe(seconds)
	if errno != 0 {
		syscallErrors.WithLabelValues(pid, comm, name, strconv.Itoa(int(errno))).Inc()
	}
}

const (
	kindConnect = iota
	kindAccept
	kindClose
)

var (
	families = [...]string{"ipv4", "ipv6"}
	results  = [...]string{"established", "refused", "timed_out", "unreachable", "reset", "aborted", "other"}
	roles    = [...]string{"client", "server"}
)

type tcpFigures struct {
	tgid           uint32
	comm           []byte
	kind           uint32
	result         uint32
	family         uint32
	role           uint32
	duration       uint64
	sent, received uint64
	rttUs          uint32
}

// countTCP knows of a connection's bytes when it ends; ringtap keeps account of those that are open.
func countTCP(event *tcpFigures) {
	pid, comm := strconv.Itoa(int(event.tgid)), text(event.comm)
	seconds := float64(event.duration) / 1e9
	switch event.kind {
	case kindConnect:
		connects.WithLabelValues(pid, comm, families[event.family], results[event.result]).Inc()
		connectSeconds.WithLabelValues(comm).Observe(seconds)
	case kindAccept:
		accepts.WithLabelValues(pid, comm, families[event.family]).Inc()
	case kindClose:
		connectionSeconds.WithLabelValues(comm, roles[event.role]).Observe(seconds)
		sentBytes.WithLabelValues(pid, comm).Add(float64(event.sent))
		receivedBytes.WithLabelValues(pid, comm).Add(float64(event.received))
		rtt.WithLabelValues(comm).Observe(float64(event.rttUs) / 1e6)
	}
}
