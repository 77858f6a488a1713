/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of requests by who issued them, disk and operation, in lines (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/log2.h>
#include <ringtap/ring.h>

#include "issuers.h"

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
 * The number of the actor's key has the operation in bits 0 to 7, the origin from 8, and from 16 on
 * the error: that of the tracepoint, an errno (negated) before 8a7d267b4a2c (5.16), a blk_status_t
 * since then, which is above ERRNO_LIMIT here.
 */
#define ORIGIN_SHIFT 8
#define ERROR_SHIFT 16
#define STATUS 0x8000

struct block_key {
	struct actor_key actor;
	__u64 disk[DISK_LEN / 8]; /* the beginning of its name; 0 in overflow lines */
};

struct block_line {
	struct block_key key;
	__u64 requests;
	__u64 with_record; /* of the requests: those that are in the account of the ring */
	__u64 errors;	   /* parts of requests that have failed, each once */
	__u64 bytes;
	__u64 duration; /* sums of what the slots count, ns */
	__u64 queued;
	__u64 served;
	__u64 slots[SLOTS];	   /* from the beginning to the end */
	__u64 queue_slots[SLOTS];  /* until the driver had it, where the kernel notes that */
	__u64 device_slots[SLOTS]; /* since then */
};

EXPORT_RECORD(block_line);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 2048 + OVERFLOW_LINES);
	__type(key, __u32);
	__type(value, struct block_line);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2048 + OVERFLOW_LINES);
	__type(key, __u32);
	__type(value, struct block_key);
} request_keys SEC(".maps");

#define KEY_WORDS (sizeof(struct block_key) / sizeof(__u64))

/* The line of a key, else the overflow line of its operation. */
static __always_inline struct block_line *line_of(struct block_key *key)
{
	__u32 operation = (key->actor.process.pair >> 32) & (OVERFLOW_LINES - 1);
	struct block_line *line;

	line = find_line(&requests, &request_keys, request_lines, &key->actor.process.pair,
			 KEY_WORDS);
	if (line)
		return line;
	*key = (struct block_key){ .actor.process = process_key(OTHER_TGID, 0, operation) };
	return line_at(&requests, &request_keys, request_lines + operation,
		       &key->actor.process.pair, KEY_WORDS);
}

static __always_inline void add(__u64 *count, __u64 value)
{
	__sync_fetch_and_add(count, value);
}

static __always_inline void observe(__u64 *sum, __u64 *slots, __u64 duration)
{
	/* Else what the verifier learns of it on 32 ways to its slot goes on to the next one. */
	__u64 any = unknown(duration);

	add(sum, duration);
	atomic_inc(&slots[slot_of_seconds(any, FIRST_POWER, SLOTS)]);
}
