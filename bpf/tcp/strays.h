/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the kernel sends for no connection of a process: SYN-ACKs again, for handshakes that are not
 * complete, and resets for what no process has accepted. Anyone who reaches a port can cause them
 * as fast as they like, so they are counted, not recorded: for the process that listens, where the
 * kernel shows the listener, else for none.
 *
 * A connection inherits the SYN-ACKs' number in its total_retrans (tcp_create_openreq_child()). So
 * that they count once, one with such a number is kept from its handshake on, PHASE_UNACCEPTED.
 */
#pragma once

#include "connection.h"

/* Listeners with a known process; not preallocated. What others send counts for none. */
#define LISTENERS_MAX 16384

/* Threads that close a listener at the moment; the longest ago go first. */
#define CLOSING_MAX 1024

/* Processes with such counts, twice; the others' count for none. */
#define STRAYS_MAX 4096

enum stray_kind {
	STRAY_SYNACK_RETRANSMIT,
	STRAY_RESET_SENT,
};

struct stray_key {
	__u64 start; /* of the process; 0 with tgid 0: none */
	__u32 tgid;
	__u32 kind;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, STRAYS_MAX);
	__type(key, struct stray_key);
	__type(value, __u64);
} strays SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, LISTENERS_MAX);
	__type(key, __u64); /* the address of the struct sock */
	__type(value, struct process_id);
} listeners SEC(".maps");

/*
 * Connections that were not accepted are reset after their listener has left TCP_LISTEN, by the
 * thread that closes it (inet_csk_listen_stop()); nothing in them leads to it but its port.
 */
struct closing {
	struct process_id process;
	__u64 port; /* inet_sport */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, CLOSING_MAX);
	__type(key, __u32); /* tid */
	__type(value, struct closing);
} closing SEC(".maps");

/* Adds to a count; false when there is no place for another one. */
static __always_inline bool add_stray(struct stray_key *key)
{
	__u64 *count = find_or_add(&strays, key);

	if (count)
		atomic_inc(count);
	return count;
}

static __always_inline void count_stray(struct process_id *process, __u32 kind)
{
	struct stray_key key = { .kind = kind };

	if (process) {
		key.start = process->start;
		key.tgid = process->tgid;
		if (add_stray(&key))
			return;
		key.start = 0;
		key.tgid = 0;
	}
	if (!add_stray(&key))
		count_map_full();
}

/* The process that has called listen(2) on a socket, NULL where that is not known. */
static __always_inline struct process_id *listener_process(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&listeners, &key);
}

static __always_inline void insert_listener(struct sock *sk, struct process_id *process)
{
	__u64 key = (__u64)sk;

	bpf_map_update_elem(&listeners, &key, process, BPF_ANY);
}

/* A socket leaves TCP_LISTEN, on the task that closes it. */
static __always_inline void end_listener(struct sock *sk)
{
	struct process_id *process = listener_process(sk);
	struct inet_sock *inet = (void *)sk;
	struct closing closes = {};
	__u32 tid = current_tid();
	__u64 key = (__u64)sk;

	if (!process)
		return;
	closes.process = *process;
	closes.port = READ(inet, inet_sport);
	bpf_map_update_elem(&closing, &tid, &closes, BPF_ANY);
	bpf_map_delete_elem(&listeners, &key);
}

/* A RST was sent for a socket, or for none (NULL), that is no connection of a process. */
static __always_inline void count_stray_reset(struct sock *sk)
{
	struct process_id *process = listener_process(sk);
	struct inet_sock *inet = (void *)sk;
	__u32 tid = current_tid();
	struct closing *closes;

	if (!process && sk && READ(sk, __sk_common.skc_state) == TCP_CLOSE) {
		closes = bpf_map_lookup_elem(&closing, &tid);
		if (closes && closes->port == READ(inet, inet_sport))
			process = &closes->process;
	}
	count_stray(process, STRAY_RESET_SENT);
}

/* A connection that waits to be accepted has SYN-ACKs in total_retrans: all have been counted. */
static __always_inline void keep_unaccepted(struct sock *sk)
{
	struct connection c = { .role = ROLE_SERVER, .phase = PHASE_UNACCEPTED };
	struct tcp_sock *tcp = (void *)sk;

	c.base_retransmits = READ(tcp, total_retrans);
	if (c.base_retransmits)
		insert_connection(sk, &c, BPF_ANY);
}

/*
 * Does a connection that was just established wait to be accepted, with nothing to be kept of it?
 * One that connects, at the same time as its peer, has a descriptor or had one.
 */
static __always_inline bool is_plain_unaccepted(struct sock *sk)
{
	struct tcp_sock *tcp = (void *)sk;

	return !sk->sk_socket && !has_flag(sk, SOCK_DEAD) && !READ(tcp, total_retrans);
}

/*
 * A SYN-ACK was sent again: by a listener, or with TCP Fast Open by the connection itself, which
 * may have been accepted already, and then counts it in its total_retrans (tcp_rtx_synack()).
 */
static __always_inline void count_synack_retransmit(struct sock *sk, struct request_sock *req)
{
	struct connection *c;

	if (READ(sk, __sk_common.skc_state) == TCP_LISTEN) {
		count_stray(listener_process(sk), STRAY_SYNACK_RETRANSMIT);
		return;
	}
	c = connection_of(sk);
	if (c && c->phase != PHASE_UNACCEPTED)
		return;
	count_stray(listener_process(READ(req, __req_common.skc_listener)),
		    STRAY_SYNACK_RETRANSMIT);
	keep_unaccepted(sk);
}
