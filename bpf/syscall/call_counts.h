/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of system calls by process and number (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
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

/* (process, number, errno) triples counted at once. */
#define ERRORS_MAX 65536

/* Histogram slots: at most 2^(8 - 30) s (238 ns), 2^(9 - 30) s, … 2^(36 - 30) s (64 s), more. */
#define FIRST_POWER 8
#define SLOTS 30

/*
 * With TIMING_ALL for good, a call is in exactly one slot: their sum is the number of calls, and
 * `calls` is 0. Else `calls` counts them, and duration and slots are what call_timing.h says.
 */
struct call_line {
	struct process_key key;
	__u64 duration; /* sum, ns */
	__u64 calls;
	__u64 slots[SLOTS];
};

struct error_key {
	__u32 tgid; /* OTHER_TGID in `errors_overflow` */
	__u32 nr;
	__u32 error;
	__u32 reserved;
	__u64 start; /* as in struct process_key */
};

EXPORT_RECORD(call_line);
EXPORT_RECORD(error_key);

LINES(calls, struct call_line, lines, struct process_key, ALL_LINES);

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

static __always_inline struct call_line *line_of(__u32 tgid, __u64 start, __u32 nr)
{
	struct process_key key = process_key(tgid, start, nr);
	const __u32 words = sizeof(key) / sizeof(__u64);
	struct call_line *line = find_line(&calls, &lines, call_lines, &key.pair, words);

	if (line)
		return line;
	key = process_key(OTHER_TGID, 0, nr);
	return line_at(&calls, &lines, call_lines + number_index(nr), &key.pair, words);
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

/* What the first slot holds at most, ns. */
#define SHORTEST (1953125ull << FIRST_POWER >> 21)

/* Most calls are short, and need no logarithm. */
static __always_inline __u32 slot_of_call(__u64 duration)
{
	return duration <= SHORTEST ? 0 : slot_of_seconds(duration, FIRST_POWER, SLOTS);
}

/* Is it a line that one process has? Others share the lines of OTHER_TGID. */
static __always_inline bool is_own_line(const struct call_line *line)
{
#if defined(__TARGET_ARCH_x86)
	return line->key.start;
#else
	return false;
#endif
}

/* Are calls counted apart from the slots? */
static __always_inline bool has_calls(void)
{
	return timing_changes || timing != TIMING_ALL;
}

/*
 * Adds a call to a line, its duration for `weight` calls, and `others` to the sum. The adds are
 * atomic, unless no other CPU adds to the line: it is that of a process with one thread, where that
 * takes several times as long. What its other threads have added is there since they were seen to
 * have gone: x86 does not read ahead of a read.
 */
static __always_inline void add_call(struct call_line *line, __u64 threads, __u64 duration,
				     __u32 weight, __u64 others)
{
	__u64 *slot = &line->slots[slot_of_call(duration)];

	if (!threads && is_own_line(line)) {
		if (has_calls())
			*(volatile __u64 *)&line->calls += 1;
		if (weight) {
			*(volatile __u64 *)&line->duration += weight * duration + others;
			*(volatile __u64 *)slot += weight;
		}
	} else {
		if (has_calls())
			atomic_inc(&line->calls);
		if (weight) {
			__sync_fetch_and_add(&line->duration, weight * duration + others);
			__sync_fetch_and_add(slot, weight);
		}
	}
}

/*
 * Counts a call, whose duration stands for that of `weight` calls; 0: it has none. `others` is
 * added to the sum of durations: others_before(). Finds the counters of all that it adds before
 * adding any of it; false where one is not to be had, for want of memory: the call is not counted
 * at all.
 *
 * To spare each call of the aggregate mode one more atomic add, account.produced holds the lost
 * ones only: what was produced is that and the calls of all lines, and what was consumed is the
 * calls of the lines that userspace has read.
 */
static __always_inline bool count(__u32 nr, __u32 error, __u64 duration, __u32 weight, __u64 others)
{
	__u64 threads;
	struct process_id process = current_process_of(&threads);
	struct call_line *line = line_of(process.tgid, process.start, nr);
	__u64 *failures = NULL;

	if (!line)
		return false;
	if (error) {
		failures = failures_of(process.tgid, process.start, nr, error);
		if (!failures)
			return false;
	}
	add_call(line, threads, duration, weight, others);
	if (failures)
		atomic_inc(failures);
	return true;
}

/*
 * Counts a call that has no duration and has not failed, if its line is where it is looked for
 * first. Where not all calls are timed, most are such, and this is a third of the work.
 */
static __always_inline bool count_untimed(__u32 nr)
{
	__u64 threads;
	struct process_id process = current_process_of(&threads);
	struct process_key key = process_key(process.tgid, process.start, nr);
	const __u32 words = sizeof(key) / sizeof(__u64);
	__u32 index = line_home_of(&key.pair, words) & (call_lines - 1);
	struct call_line *line = bpf_map_lookup_elem(&calls, &index);

	if (!line || !line_has_key((__u64 *)line, &key.pair, words))
		return false;
	add_call(line, threads, 0, 0, 0);
	return true;
}
