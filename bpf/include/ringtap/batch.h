/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which datagram of a sendmmsg(2) or recvmmsg(2) it is that a program sees in the middle of the
 * call.
 */
#pragma once

#include <ringtap/task.h>

/*
 * A call for several datagrams, which has each tracepoint once for each: how many it has had, by
 * thread. It ends with its last one, or with an error.
 */
struct batch {
	__u64 headers; /* the address of its struct mmsghdr[] */
	__u32 next;
	__u32 reserved;
};

/* Threads that are within such a call at once; a thread that has ended there stays. */
#define BATCHES_MAX 1024

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BATCHES_MAX);
	__type(key, __u32);
	__type(value, struct batch);
} batches SEC(".maps");

/* The place of the current datagram among those of a call. */
static __always_inline __u32 next_of_batch(__u64 headers, __u32 count)
{
	struct batch next = { .headers = headers };
	__u32 tid = current_tid(), place = 0;
	struct batch *batch;

	if (count <= 1)
		return 0;
	batch = bpf_map_lookup_elem(&batches, &tid);
	if (batch && batch->headers == headers && batch->next < count)
		place = batch->next;
	next.next = place + 1;
	if (next.next < count)
		bpf_map_update_elem(&batches, &tid, &next, BPF_ANY);
	else
		bpf_map_delete_elem(&batches, &tid);
	return place;
}

/* A call has failed to send or receive. */
static __always_inline void end_datagrams(void)
{
	__u32 tid = current_tid();

	bpf_map_delete_elem(&batches, &tid);
}
