/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of direct reclaims by actor and kind (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/log2.h>
#include <ringtap/ring.h>

/* Why a task has to free memory itself before it gets any. */
enum stall_kind {
	STALL_DIRECT, /* the machine has too little */
	STALL_MEMCG,  /* its control group is at a limit, or its memory.reclaim was written */
	STALL_KINDS,
};

/*
 * Lines for (actor, kind) pairs, a power of two. Behind them follows one for each kind, for what
 * has no line of its own.
 */
const volatile __u32 stall_lines = 4096;
#define ALL_LINES (4096 + STALL_KINDS)

/* Tasks that free memory at once. */
#define UNDER_WAY_MAX 16384

/* Histogram slots: at most 2^(10 - 30) s (0.95 µs), 2^(11 - 30) s, … 2^(34 - 30) s (16 s), more. */
#define FIRST_POWER 10
#define SLOTS 26

/* Stalls: each is in one slot. */
struct stall_line {
	struct actor_key key; /* its number is the kind + 1 */
	__u64 duration;	      /* sum, ns */
	__u64 with_record;    /* of the stalls: those that are in the account of the ring */
	__u64 slots[SLOTS];
};

EXPORT_RECORD(stall_line);

/* Allocated beforehand: where programs of this signal run, memory is short. */
PREALLOCATED_LINES(stalls, struct stall_line, lines, struct actor_key, ALL_LINES);

/* The address of a task → when it began to free memory, CLOCK_MONOTONIC, ns. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, UNDER_WAY_MAX);
	__type(key, __u64);
	__type(value, __u64);
} under_way SEC(".maps");

static __always_inline struct stall_line *line_of(__u32 kind)
{
	struct actor_key key = {};
	const __u32 words = sizeof(key) / sizeof(__u64);
	struct stall_line *line;

	current_actor_key(&key, kind + 1);
	line = find_line(&stalls, &lines, stall_lines, &key.process.pair, words);
	if (line)
		return line;
	key = (struct actor_key){ .process = process_key(OTHER_TGID, 0, kind + 1) };
	return line_at(&stalls, &lines, stall_lines + kind, &key.process.pair, words);
}

/* Counts a stall of the current task. False where that cannot be, for want of a line. */
static __always_inline bool count(__u32 kind, __u64 duration, bool has_record)
{
	struct stall_line *line = line_of(kind);

	if (!line)
		return false;
	__sync_fetch_and_add(&line->duration, duration);
	atomic_inc(&line->slots[slot_of_seconds(duration, FIRST_POWER, SLOTS)]);
	if (has_record)
		atomic_inc(&line->with_record);
	return true;
}
