// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"encoding/binary"
)

// Actor is struct actor of bpf/include/ringtap/task.h.
type Actor struct {
	Tgid       uint32
	Tid        uint32
	Comm       [16]byte
	ThreadComm [16]byte
	Cgroup     uint64
}

// SyscallEvent is struct syscall_event of bpf/syscall/syscall.bpf.c.
type SyscallEvent struct {
	Time     uint64
	Duration uint64
	Ret      int64
	Actor    Actor
	Nr       uint32
	Error    uint32
}

// Endpoints is struct endpoints of bpf/include/ringtap/endpoints.h.
type Endpoints struct {
	Family        uint32
	LocalPort     uint16
	RemotePort    uint16
	LocalAddress  [4]uint32
	RemoteAddress [4]uint32
}

// TCPSample is struct tcp_sample of bpf/tcp/tcp.bpf.c.
type TCPSample struct {
	Connection  uint64
	Start       uint64
	Sent        uint64
	Received    uint64
	Retransmits uint32
	RttUs       uint32
	State       uint32
	Role        uint32
	Phase       uint32
	Reserved    uint32
	Actor       Actor
	Ends        Endpoints
}

// TCPEvent is struct tcp_event of bpf/tcp/tcp.bpf.c.
type TCPEvent struct {
	Time        uint64
	Duration    uint64
	Sample      TCPSample
	Kind        uint32
	Result      uint32
	Error       uint32
	ReservedEnd uint32
}

var order = binary.LittleEndian

func syscallBinary(sample []byte) error {
	var event SyscallEvent
	if err := binary.Read(bytes.NewReader(sample), order, &event); err != nil {
		return err
	}
	countSyscall(event.Actor.Tgid, event.Actor.Comm[:], event.Nr, event.Error, event.Duration)
	return nil
}

func syscallByHand(sample []byte) error {
	countSyscall(order.Uint32(sample[24:]), sample[32:48], order.Uint32(sample[72:]), order.Uint32(sample[76:]),
		order.Uint64(sample[8:]))
	return nil
}

func tcpBinary(sample []byte) error {
	var event TCPEvent
	if err := binary.Read(bytes.NewReader(sample), order, &event); err != nil {
		return err
	}
	countTCP(&tcpFigures{
		tgid:     event.Sample.Actor.Tgid,
		comm:     event.Sample.Actor.Comm[:],
		kind:     event.Kind,
		result:   event.Result,
		family:   event.Sample.Ends.Family,
		role:     event.Sample.Role,
		duration: event.Duration,
		sent:     event.Sample.Sent,
		received: event.Sample.Received,
		rttUs:    event.Sample.RttUs,
	})
	return nil
}

func tcpByHand(sample []byte) error {
	countTCP(&tcpFigures{
		tgid:     order.Uint32(sample[72:]),
		comm:     sample[80:96],
		kind:     order.Uint32(sample[160:]),
		result:   order.Uint32(sample[164:]),
		family:   order.Uint32(sample[120:]),
		role:     order.Uint32(sample[60:]),
		duration: order.Uint64(sample[8:]),
		sent:     order.Uint64(sample[32:]),
		received: order.Uint64(sample[40:]),
		rttUs:    order.Uint32(sample[52:]),
	})
	return nil
}
