/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Header blocks of HTTP/2's requests, as they are, for userspace (src/signals/l7/http2/): what a
 * block says depends on all that came before it on its connection, in a table that may be large. So
 * they go there in parts, each part of a block that lies in one frame and one piece of memory, and
 * each with its number: a part that is missing is noticed.
 */
#pragma once

#include "streams.h"

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1024 * 1024);
} header_blocks SEC(".maps");

/* Bytes that may wait there before userspace is woken: a quarter; a power of two. */
#define BLOCKS_WAKEUP (256 * 1024)

/* The most bytes of a record; and parts that are sent of what lies in one piece. */
#define PART_LEN 1008
#define MOST_PARTS 16

/* In a direction's flags (http2.h): a part of its block has been sent. */
#define HAS_PART 0x10

/* Flags of a part. */
#define PART_BEGINS 1 /* the block */
#define PART_ENDS 2
#define PART_CUT 4   /* what follows of the block is not sent */
#define PART_WHOLE 8 /* the table has been seen from the connection's beginning on */

struct l7_header_part {
	__u32 table;  /* no other one has it, for the next 2^32 of them */
	__u32 number; /* of the table's parts, from 0 on */
	__u32 stream;
	__u16 size; /* bytes of the part: a record may be longer */
	__u16 flags;
	__u32 bytes[PART_LEN / 4];
};

#define PART_HEADER __builtin_offsetof(struct l7_header_part, bytes)

EXPORT_RECORD(l7_header_part);

/* Why parts are missing. */
enum lost_part {
	PART_RING_FULL,
	PART_UNREADABLE,
	LOST_PARTS,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, LOST_PARTS);
	__type(key, __u32);
	__type(value, __u64);
} lost_parts SEC(".maps");

/* Tables that there have been. */
static __u64 tables;

static __always_inline void count_lost_part(__u32 reason)
{
	__u64 *count = bpf_map_lookup_elem(&lost_parts, &reason);

	if (count)
		atomic_inc(count);
}

/* Sends a part in a record for so many bytes, a constant. Returns why it could not. */
static __always_inline __u32 send_part_of(const struct l7_header_part *header, __u64 address,
					  __u32 length, __u32 most)
{
	__u64 waiting = bpf_ringbuf_query(&header_blocks, BPF_RB_AVAIL_DATA);
	struct l7_header_part *part = bpf_ringbuf_reserve(&header_blocks, PART_HEADER + most, 0);
	bool is_due = waiting >= BLOCKS_WAKEUP &&
		      (waiting & (BLOCKS_WAKEUP - 1)) < BLOCKS_WAKEUP / 16;

	__u64 size = length;

	if (!part)
		return PART_RING_FULL;
	part->table = header->table;
	part->number = header->number;
	part->stream = header->stream;
	part->size = length;
	part->flags = header->flags;
	/* So that the verifier knows the bounds of what is read. */
	barrier_var(size);
	if (size > most || bpf_probe_read_user(part->bytes, size, (void *)address)) {
		bpf_ringbuf_discard(part, BPF_RB_NO_WAKEUP);
		return PART_UNREADABLE;
	}
	bpf_ringbuf_submit(part, is_due ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
	return LOST_PARTS;
}

/*
 * Sends a part of a block, of up to PART_LEN bytes, that lies at this address; 0: it cannot be
 * read. Global, so that it is verified once.
 */
__noinline int send_part(struct connection *c, __u64 address, __u32 length, __u32 stream,
			 __u32 flags)
{
	struct l7_header_part header = { .stream = stream };
	struct http2_connection *h;
	__u32 lost;

	if (!c)
		return 0;
	h = http2_of(c);
	if (!h->table)
		h->table = 1 + __sync_fetch_and_add(&tables, 1);
	header.table = h->table;
	header.number = h->parts & ~TABLE_IS_WHOLE;
	header.flags = flags | (h->parts & TABLE_IS_WHOLE ? PART_WHOLE : 0);
	h->parts++;
	if (!address)
		lost = PART_UNREADABLE;
	else if (length <= 48)
		lost = send_part_of(&header, address, length, 48);
	else if (length <= 112)
		lost = send_part_of(&header, address, length, 112);
	else if (length <= 240)
		lost = send_part_of(&header, address, length, 240);
	else
		lost = send_part_of(&header, address, length, PART_LEN);
	if (lost != LOST_PARTS)
		count_lost_part(lost);
	return 0;
}

/*
 * Sends what there is of a block in the frame and the piece of memory that it goes on in: `rest`
 * bytes are left of it in the frame. `is_last`: no further frame has some of it. Global, so that it
 * is verified once.
 */
__noinline int send_block(struct connection *c, struct scratch *scratch, __u32 rest, bool is_last)
{
	__u32 n, bytes, length, sent = 0, flags;
	struct direction *d;

	if (!c || !scratch)
		return 0;
	d = &c->directions[scratch->direction & 1];
	length = rest < scratch->left ? rest : scratch->left;
	flags = d->flags & HAS_PART ? 0 : PART_BEGINS;
	scratch->unsent = scratch->left - length;
	d->flags |= HAS_PART;
	for (n = 0; n < MOST_PARTS && sent < length; n++) {
		bytes = length - sent < PART_LEN ? length - sent : PART_LEN;
		if (sent + bytes < length)
			flags |= n == MOST_PARTS - 1 ? PART_CUT : 0;
		else if (length == rest && is_last)
			flags |= PART_ENDS;
		send_part(c, scratch->window == CARRIED ? 0 : scratch->position + sent, bytes,
			  d->elements, flags);
		sent += bytes;
		flags = 0;
	}
	return 0;
}
