/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Walks over connections and sockets, which userspace starts: see <ringtap/iter.h>. */
#pragma once

#include <ringtap/iter.h>

#include "connection.h"
#include "records.h"

/*
 * A snapshot: one tcp_sample for each connection of the table, whenever userspace reads it.
 *
 * Meanwhile the socket may end, and its memory, or that of its entry, may be used again. An entry
 * goes, or is PHASE_CLOSED, before the socket's counts are lost; so where it is there afterwards,
 * everything was read of one connection. Where the end of a socket was missed, its memory may hold
 * something else by now: that is no open connection either.
 */
SEC("iter/bpf_map_elem")
int tcp_snapshot(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *key = ctx->key;
	struct connection *c = ctx->value, *still;
	struct tcp_sample sample = {};
	struct sock *sk;
	__u64 start;

	if (!key || !c)
		return 0;
	sk = (struct sock *)*key;
	describe_sample(&sample, sk, c);
	still = connection_of(sk);
	__builtin_memcpy(&start, sample.start, sizeof(start));
	sample.phase = still && still->start == start && is_tcp_sock(sk) ? still->phase :
									   PHASE_CLOSED;
	bpf_seq_write(ctx->meta->seq, &sample, sizeof(sample));
	return 0;
}

/*
 * Discovers existing connections, in every network namespace, and inserts them; userspace reads it
 * once, after attaching. The first process found holding a socket is its owner. An accepted socket
 * is a copy of its listener, whose sk_max_ack_backlog it keeps (inet_csk_clone_lock()); a
 * connecting one has 0 there.
 */
SEC("iter/task_file")
int tcp_discover(struct bpf_iter__task_file *ctx)
{
	struct connection c = { .phase = PHASE_OPEN };
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct traffic traffic;
	struct sock *sk;
	__u8 state;

	if (task && piece_ends())
		return 1;
	if (!task || !file)
		return 0;
	sk = tcp_sock_of(file);
	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
		return 0;
	traffic = traffic_of(sk);
	c.base_sent = traffic.sent;
	c.base_received = traffic.received;
	c.base_retransmits = traffic.retransmits;
	c.role = BPF_CORE_READ(sk, sk_max_ack_backlog) ? ROLE_SERVER : ROLE_CLIENT;
	actor_of(&c.actor, task);
	insert_connection(sk, &c, BPF_NOEXIST);
	return 0;
}
