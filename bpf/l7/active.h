/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Requests that are under way, for each scrape. */
#pragma once

#include <ringtap/iter.h>

#include "connection.h"
#include "queue.h"

/* A connection that has requests under way. */
struct l7_active {
	struct actor actor; /* who called last */
	enum l7_protocol protocol;
	enum l7_role role;
	__u32 requests;
	__u32 reserved;
};

EXPORT_RECORD(l7_active);

/* Requests whose head is whole and whose response is not. */
static __always_inline __u32 requests_under_way(const struct connection *c)
{
	__s32 waiting = waiting_requests(c);
	__u32 responses = c->role == ROLE_SERVER ? SENT : RECEIVED;

	/* One whose response has begun does not wait any more. */
	return (waiting > 0 ? waiting : 0) + (c->directions[responses].word >> 63);
}

SEC("iter/bpf_map_elem")
int l7_requests(struct bpf_iter__bpf_map_elem *ctx)
{
	struct connection *c = ctx->value;
	struct l7_active active = {};

	if (c && piece_ends())
		return 1;
	if (!c || c->protocol == PROTOCOL_UNKNOWN || !c->owner.process.start)
		return 0;
	active.requests = requests_under_way(c);
	if (!active.requests)
		return 0;
	active.actor.tgid = c->owner.process.pair;
	active.actor.tid = active.actor.tgid;
	__builtin_memcpy(active.actor.comm, c->owner.comm, COMM_LEN);
	__builtin_memcpy(active.actor.thread_comm, c->owner.comm, COMM_LEN);
	active.actor.cgroup = c->owner.cgroup;
	active.protocol = c->protocol;
	active.role = c->role;
	bpf_seq_write(ctx->meta->seq, &active, sizeof(active));
	return 0;
}
