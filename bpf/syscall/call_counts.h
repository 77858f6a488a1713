/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts of system calls by process and number, kept in the kernel until userspace reads them. A
 * process is known by its tgid and its start: a tgid is given to another process as soon as one has
 * ended, long before userspace has read what that one did.
 */
#pragma once

#include <ringtap/log2.h>
#include <ringtap/ring.h>
#include <ringtap/syscall.h>

#include "call_timing.h"

/*
 * Lines for (process, number) pairs, a power of two. Behind them follows one for each number, for
 * the calls that have no line of their own. `calls` and `lines` have call_lines + NR_COUNT entries.
 */
const volatile __u32 call_lines = 32768;
#define ALL_LINES (32768 + NR_COUNT)

/* In place of a tgid: the processes of those calls. */
#define OTHER_TGID 0xffffffffu

/* So many lines are tried before a call goes to its number's. */
#define PROBES 16

/* (process, number, errno) triples counted at once. */
#define ERRORS_MAX 65536

/* Histogram slots: at most 2^(8 - 30) s (238 ns), 2^(9 - 30) s, … 2^(36 - 30) s (64 s), more. */
#define FIRST_POWER 8
#define SLOTS 30

struct call_key {
	__u64 pair;  /* tgid, or OTHER_TGID, in the low half, number in the high one */
	__u64 start; /* of the process, CLOCK_MONOTONIC, ns; 0 with OTHER_TGID */
};

/*
 * With TIMING_ALL, a call is in exactly one slot: their sum is the number of calls, and `calls` is 0.
 * Else `calls` counts them, and duration and slots are the estimate of call_timing.h.
 */
struct call_line {
	struct call_key key; /* pair 0: the line is free */
	__u64 duration;	     /* sum, ns */
	__u64 calls;
	__u64 slots[SLOTS];
};

struct error_key {
	__u32 tgid; /* OTHER_TGID in `errors_overflow` */
	__u32 nr;
	__u32 error;
	__u32 reserved;
	__u64 start; /* as in struct call_key */
};

EXPORT_RECORD(call_line);
EXPORT_RECORD(error_key);

/*
 * An open hash table, since a line of an array is found without a function call, where a lookup in
 * a hash map would cost as much as the rest of the program. Userspace maps it, and frees the lines
 * of processes that have ended.
 *
 * Two CPUs that meet a new pair at once may give it two lines, and so may a call that finds a freed
 * line before its own: userspace adds them up.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ALL_LINES);
	__type(key, __u32);
	__type(value, struct call_line);
} calls SEC(".maps");

/*
 * The keys of the lines in use: the first to add a line here has it.
 * (Compare-and-swap is not to be had in programs before Linux 5.12.) From here userspace knows
 * which lines to read; it deletes a line's entry only when it has zeroed the line.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ALL_LINES);
	__type(key, __u32);
	__type(value, struct call_key);
} lines SEC(".maps");

/*
 * Failures beyond the capacity of `errors` are counted by number and errno alone, in
 * `errors_overflow`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ERRORS_MAX);
	__type(key, struct error_key);
	__type(value, __u64);
} errors SEC(".maps"), errors_overflow SEC(".maps");

static __always_inline struct call_key call_key(__u32 tgid, __u64 start, __u32 nr)
{
	return (struct call_key){ .pair = (__u64)nr << 32 | tgid, .start = start };
}

/*
 * The line `index`, if it is the key's or can be made so. Another CPU that sees only the half of a
 * new key takes the line for one of another process, and goes on.
 */
static __always_inline struct call_line *line_at(__u32 index, struct call_key *key)
{
	struct call_line *line = bpf_map_lookup_elem(&calls, &index);

	if (!line || (line->key.pair == key->pair && line->key.start == key->start))
		return line;
	if (line->key.pair || bpf_map_update_elem(&lines, &index, key, BPF_NOEXIST))
		return NULL;
	line->key.start = key->start;
	line->key.pair = key->pair;
	return line;
}

static __always_inline struct call_line *line_of(__u32 tgid, __u64 start, __u32 nr)
{
	struct call_key key = call_key(tgid, start, nr);
	__u32 home = (key.pair ^ start) * 0x9e3779b97f4a7c15ull >> 32;
	struct call_line *line;
	__u32 probe;

	for (probe = 0; probe < PROBES; probe++) {
		line = line_at((home + probe) & (call_lines - 1), &key);
		if (line)
			return line;
	}
	key = call_key(OTHER_TGID, 0, nr);
	return line_at(call_lines + number_index(nr), &key);
}

static __always_inline __u64 *failures_of(__u32 tgid, __u64 start, __u32 nr, __u32 error)
{
	struct error_key key = { .tgid = tgid, .nr = nr, .error = error, .start = start };
	__u64 *failures = find_or_add(&errors, &key);

	if (failures)
		return failures;
	key.tgid = OTHER_TGID;
	key.start = 0;
	return find_or_add(&errors_overflow, &key);
}

static __always_inline __u32 slot_of(__u64 duration)
{
	__u32 power = ceil_log2_seconds(duration);
	__u32 slot = power > FIRST_POWER ? power - FIRST_POWER : 0;

	return slot < SLOTS ? slot : SLOTS - 1;
}

/*
 * Counts a call, whose duration stands for that of `weight` calls; 0: it has none. Finds the
 * counters of all that it adds before adding any of it; false where one is not to be had, for want
 * of memory: the call is not counted at all.
 *
 * To spare each call of the aggregate mode one more atomic add, account.produced holds the lost
 * ones only: what was produced is that and the calls of all lines, and what was consumed is the
 * calls of the lines that userspace has read.
 */
static __always_inline bool count(__u32 nr, __u32 error, __u64 duration, __u32 weight)
{
	struct process_id process = current_process();
	struct call_line *line = line_of(process.tgid, process.start, nr);
	__u64 *failures = error ? failures_of(process.tgid, process.start, nr, error) : NULL;

	if (!line || (error && !failures))
		return false;
	if (timing != TIMING_ALL)
		atomic_inc(&line->calls);
	if (weight) {
		__sync_fetch_and_add(&line->duration, weight * duration);
		__sync_fetch_and_add(&line->slots[slot_of(duration)], weight);
	}
	if (failures)
		atomic_inc(failures);
	return true;
}
