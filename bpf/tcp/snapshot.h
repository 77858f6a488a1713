/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The snapshot scan of connections, which userspace starts: see <ringtap/iter.h>. */
#pragma once

#include <ringtap/iter.h>

#include "connection.h"
#include "records.h"

/*
 * A snapshot: one tcp_sample for each connection of the table, whenever userspace reads it.
 *
 * Meanwhile the socket may end, and its memory, or that of its entry, may be used again. An entry
 * goes, or is PHASE_CLOSED, before the socket's counts are lost; so where it is there afterwards,
 * everything was read of one connection. What userspace is shown it counts, and so it has to get a
 * record of the end: is_reported is set before the phase is read (line_of_ended()). Where the end
 * of a socket was missed, its memory may hold something else by now: that is no open connection
 * either.
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
	c->is_reported = true;
	order_accesses(sk, c);
	describe_sample(&sample, sk, c);
	still = connection_of(sk);
	__builtin_memcpy(&start, sample.start, sizeof(start));
	sample.phase = PHASE_CLOSED;
	if (still && still->start == start && still->is_reported && is_tcp_sock(sk))
		sample.phase = READ_ONCE(still->phase);
	bpf_seq_write(ctx->meta->seq, &sample, sizeof(sample));
	return 0;
}
