/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of requests by who issued them, disk and operation, in lines (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/log2.h>
#include <ringtap/ring.h>

#include "key.h"

/*
 * Lines, a power of two. Behind them follow overflow lines, one for each operation, for what has no
 * line of its own. `requests` and `request_keys` have request_lines + OVERFLOW_LINES entries.
 */
const volatile __u32 request_lines = 2048;
#define OVERFLOW_LINES 8

/* Histogram slots: at most 2^(12 - 30) s (3.8 µs), 2^(13 - 30) s, … 2^(36 - 30) s (64 s), more. */
#define FIRST_POWER 12
#define SLOTS 26

/*
 * A request has three durations: the whole, until its driver had it, and since then. Mostly the
 * last is in the same slot as the first and the one between them in the first slot: such a request
 * is counted in `slots` and nowhere else.
 */
struct block_line {
	struct block_key key;
	__u64 with_record; /* of the requests: those that are in the account of the ring */
	__u64 errors;	   /* parts of requests that have failed, each once */
	__u64 bytes;
	__u64 queued;  /* sum of times until drivers had them, ns, */
	__u64 served;  /* and since then */
	__u64 untimed; /* sum of whole durations where the kernel does not note that moment */
	__u64 slots[SLOTS];
	__u64 whole_slots[SLOTS];  /* of the others: the whole, */
	__u64 queue_slots[SLOTS];  /* and where that moment is known, until then */
	__u64 device_slots[SLOTS]; /* and since then */
};

EXPORT_RECORD(block_line);

LINES(requests, struct block_line, request_keys, struct block_key, 2048 + OVERFLOW_LINES);

/*
 * The index of a key's line, whose line_home_of() is `home`, or of the overflow line of its
 * operation. A number, and not the line: the verifier need not walk what follows for each probe.
 */
static __noinline __u32 search_line(const struct block_key *key, __u32 home)
{
	__u32 operation = (key->actor.process.pair >> 32) & (OVERFLOW_LINES - 1), index;
	struct block_key other = {};

	if (find_line_from(&requests, &request_keys, request_lines, &key->actor.process.pair,
			   KEY_WORDS, PROBES, home, &index))
		return unknown(index);
	other.actor.process = process_key(OTHER_TGID, 0, operation);
	index = request_lines + operation;
	return line_at(&requests, &request_keys, index, &other.actor.process.pair, KEY_WORDS) ?
		       unknown(index) :
		       unknown(~0u);
}

/* The line itself; mostly it is the first. NULL for want of memory. */
static __always_inline struct block_line *line_of(const struct block_key *key, __u32 home)
{
	__u32 index = home & (request_lines - 1);
	struct block_line *line = bpf_map_lookup_elem(&requests, &index);

	if (line &&
	    line_has_key(&line->key.actor.process.pair, &key->actor.process.pair, KEY_WORDS))
		return line;
	index = search_line(key, home);
	return bpf_map_lookup_elem(&requests, &index);
}

static __always_inline void add(__u64 *count, __u64 value)
{
	__sync_fetch_and_add(count, value);
}

static __always_inline __u32 slot_of(__u64 duration)
{
	/* Else what the verifier learns of it on 32 ways to its slot goes on to what follows. */
	return slot_of_seconds(unknown(duration), FIRST_POWER, SLOTS);
}

/* Is a time since the driver had a request in the same slot as the request's whole duration? */
static __always_inline bool is_in_slot(__u64 served, __u32 slot)
{
	return !slot || served > bound_of_seconds(FIRST_POWER + slot - 1);
}

/* Counts the durations of a request that are not all in the usual slots. */
static __noinline int count_apart(struct block_line *line, __u32 slot, __u64 queued, __u64 served)
{
	if (!line)
		return 0;
	if (slot < SLOTS)
		atomic_inc(&line->whole_slots[slot]);
	if (!served)
		return 0;
	atomic_inc(&line->queue_slots[slot_of(queued)]);
	atomic_inc(&line->device_slots[slot_of(served)]);
	return 0;
}

/* Counts a request's end; `served` is 0 where it is not known when the driver had it. */
static __always_inline void count_end(struct block_line *line, __u64 duration, __u64 served)
{
	__u32 slot = slot_of(duration);
	__u64 queued = duration - served;

	/* Since 6.9 a task often reads the clock once for both moments: blk_time_get_ns(). */
	if (queued)
		add(served ? &line->queued : &line->untimed, queued);
	add(&line->served, served);
	if (served && queued <= bound_of_seconds(FIRST_POWER) && is_in_slot(served, slot))
		atomic_inc(&line->slots[slot]);
	else
		count_apart(line, slot, queued, served);
}
