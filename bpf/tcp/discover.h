/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Discovers connections that are older than the agent. */
#pragma once

#include <ringtap/iter.h>

#include "connection.h"
#include "records.h"
#include "strays.h"
#include "traffic.h"

/* Reads of counts that change meanwhile, until two agree. */
#define STABLE_READS 8

/* What tells a socket that has connected from one that was accepted: see role_of(). */
struct sequence {
	__u64 acked;
	__u64 sent;
	__u64 retransmitted;
	__u32 una;
	__u32 next;
};

static __always_inline struct sequence sequence_of(struct sock *sk)
{
	struct tcp_sock *tcp = (void *)sk;

	return (struct sequence){
		.acked = READ(tcp, bytes_acked),
		.sent = READ(tcp, bytes_sent),
		.retransmitted = READ(tcp, bytes_retrans),
		.una = READ(tcp, snd_una),
		.next = READ(tcp, snd_nxt),
	};
}

/*
 * Did the socket connect, or was it accepted? An accepted one is a copy of its listener
 * (inet_csk_clone_lock()): it keeps sk_max_ack_backlog, what listen(2) was given, but not
 * SOCK_RCU_FREE, which listening sets (__inet_hash()) and which stays with a socket that once
 * listened and then connects.
 *
 * listen(fd, 0) leaves nothing of that. But the SYN of a socket that connects was acknowledged
 * (bytes_acked), while a copy begins after its own (tcp_create_openreq_child()): so what was
 * acknowledged and what is on its way are one more than the payload that was sent, or the same,
 * apart from the FIN. They are neither where the payload counts differ: a local queue has refused
 * data, which was sent again.
 */
static __always_inline enum tcp_role role_of(struct sock *sk, int state)
{
	struct tcp_sock *tcp = (void *)sk;
	struct sequence now, before = sequence_of(sk);
	__u64 sequence;

	if (has_flag(sk, bpf_core_enum_value(enum sock_flags, SOCK_RCU_FREE)))
		return ROLE_CLIENT;
	if (READ(sk, sk_max_ack_backlog))
		return ROLE_SERVER;
	for (int i = 0; i < STABLE_READS; i++) {
		now = sequence_of(sk);
		if (now.acked == before.acked && now.sent == before.sent &&
		    now.retransmitted == before.retransmitted && now.una == before.una &&
		    now.next == before.next) {
			sequence = now.acked + (__u32)(now.next - now.una);
			if (state == TCP_FIN_WAIT2 ||
			    (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT &&
			     now.next == READ(tcp, write_seq)))
				sequence--;
			if (sequence == now.sent - now.retransmitted + 1)
				return ROLE_CLIENT;
			if (sequence == now.sent - now.retransmitted)
				return ROLE_SERVER;
			return ROLE_UNKNOWN;
		}
		before = now;
	}
	return ROLE_UNKNOWN;
}

/* States in which a socket has a connection or tries to have one, and may yet carry data. */
static __always_inline bool is_connection(int state)
{
	switch (state) {
	case TCP_ESTABLISHED:
	case TCP_SYN_SENT:
	case TCP_FIN_WAIT1:
	case TCP_FIN_WAIT2:
	case TCP_CLOSE_WAIT:
	case TCP_LAST_ACK:
	case TCP_CLOSING:
		return true;
	default:
		return false;
	}
}

/*
 * Inserts a connection unless it is known. Of its counts, those from now on are its own; when it
 * began is not known (start 0).
 */
static __always_inline void discover(struct sock *sk, struct connection *c)
{
	int state = READ(sk, __sk_common.skc_state);
	struct traffic traffic;

	if (!is_connection(state) || connection_of(sk))
		return;
	c->first_seq = first_seq(sk);
	traffic = traffic_of(sk, c);
	c->base_sent = traffic.sent;
	c->base_received = traffic.received;
	c->base_retransmits = traffic.retransmits;
	c->phase = state == TCP_SYN_SENT ? PHASE_CONNECTING : PHASE_OPEN;
	c->role = state == TCP_SYN_SENT ? ROLE_CLIENT : role_of(sk, state);
	insert_connection(sk, c, BPF_NOEXIST);
}

/*
 * Discovers the connections and listeners that processes hold, in every network namespace;
 * userspace reads it once, after attaching. The first process found holding a socket is its owner.
 */
SEC("iter/task_file")
int tcp_discover(struct bpf_iter__task_file *ctx)
{
	struct connection c = {};
	struct process_id process = {};
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct sock *sk;

	if (task && piece_ends())
		return 1;
	if (!task || !file)
		return 0;
	sk = tcp_sock_of(file);
	if (!sk)
		return 0;
	if (READ(sk, __sk_common.skc_state) == TCP_LISTEN && !listener_process(sk)) {
		process.start = READ(task, group_leader, start_time);
		process.tgid = READ(task, tgid);
		insert_listener(sk, &process);
	}
	actor_of(&c.actor, task);
	c.process_start = READ(task, group_leader, start_time);
	discover(sk, &c);
	return 0;
}

/*
 * Discovers the rest, in the agent's own network namespace: sockets that are on their way between
 * processes (SCM_RIGHTS), held by io_uring or by the kernel, or closed with data still to be sent.
 * Whose they are is not known. One that waits to be accepted has neither a struct socket nor
 * SOCK_DEAD.
 */
SEC("iter/tcp")
int tcp_discover_unowned(struct bpf_iter__tcp *ctx)
{
	struct sock *sk = (struct sock *)ctx->sk_common;
	struct connection c = { .actor.comm = "~unknown", .actor.thread_comm = "~unknown" };

	if (!sk)
		return 0;
	if (piece_ends())
		return 1;
	if (READ(sk, __sk_common.skc_state) != TCP_TIME_WAIT &&
	    (READ(sk, sk_socket) || has_flag(sk, SOCK_DEAD)))
		discover(sk, &c);
	return 0;
}
