/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Sizes of the bodies of HTTP's requests and responses, where they are wanted: each that is counted
 * has its two sizes counted too, in lines of their own, whether it has a record or not.
 *
 * A direction has the size of the message that began last: what its head declares, or of chunks and
 * of what the connection ends as many bytes as have come. What is wanted of others, since requests
 * are sent before responses have come, waits in a map.
 */
#pragma once

#include "queue.h"
#include "request_counts.h"

const volatile bool sizes_wanted;

/* Slots: at most 2^6, 2^7, … 2^30 bytes, more. */
#define FIRST_SIZE_POWER 6

struct size_line {
	struct request_key key; /* its number is that of a line of requests, its route none */
	__u64 bytes[2];		/* sums: of requests, of responses */
	__u64 request_slots[SLOTS];
	__u64 response_slots[SLOTS];
};

EXPORT_RECORD(size_line);

LINES(sizes, struct size_line, size_keys, struct request_key, 8192 + OVERFLOW_LINES);

/* Bodies whose size waits at once, each for the other side of its request. */
#define WAITING_SIZES 8192

/* In the number of a deep_key: it is a response's size, of a request that has not been seen yet. */
#define OF_RESPONSE (1ull << 32)

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, WAITING_SIZES);
	__type(key, struct deep_key);
	__type(value, __u64);
} waiting_sizes SEC(".maps");

/* A direction's size, of 40 bits. */
static __always_inline void set_size(struct direction *d, __u64 size)
{
	if (size >> 40)
		size = (1ull << 40) - 1;
	d->elements = size;
	d->kind = size >> 32;
}

static __always_inline __u64 size_of(const struct direction *d)
{
	return d->elements | (__u64)d->kind << 32;
}

static __always_inline void add_to_size(struct direction *d, __u64 bytes)
{
	if (sizes_wanted)
		set_size(d, size_of(d) + bytes);
}

/* Has the size of a message wait for the other side of its request. */
__noinline int leave_size(struct connection *c, __u64 number, __u64 size)
{
	struct deep_key key;

	if (!c || !size)
		return 0;
	key = (struct deep_key){ .connection = c->id, .number = number };
	bpf_map_update_elem(&waiting_sizes, &key, &size, BPF_ANY);
	return 0;
}

/* The size that was left so; 0 when there was none. */
__noinline __u64 take_size(struct connection *c, __u64 number)
{
	struct deep_key key;
	__u64 *size, found;

	if (!c)
		return 0;
	key = (struct deep_key){ .connection = c->id, .number = number };
	size = bpf_map_lookup_elem(&waiting_sizes, &key);
	if (!size)
		return 0;
	found = *size;
	bpf_map_delete_elem(&waiting_sizes, &key);
	return found;
}

static __always_inline __u32 slot_of_size(__u64 size)
{
	__u32 power = ceil_log2(size);
	__u32 slot = power > FIRST_SIZE_POWER ? power - FIRST_SIZE_POWER : 0;

	return slot < SLOTS ? slot : SLOTS - 1;
}

/* Counts the sizes of a request of this number and of its response. */
__noinline int count_sizes(struct connection *c, __u32 number, __u64 request, __u64 response)
{
	struct request_key key;
	struct size_line *line;
	__u32 index;

	if (!c)
		return 0;
	set_request_key(&key, &c->owner, number);
	line = line_of_request(&sizes, &size_keys, &key, &index);
	if (!line)
		return 0;
	__sync_fetch_and_add(&line->bytes[0], request);
	__sync_fetch_and_add(&line->bytes[1], response);
	atomic_inc(&line->request_slots[slot_of_size(request)]);
	atomic_inc(&line->response_slots[slot_of_size(response)]);
	return 0;
}
