/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of system calls by process and number, kept in the kernel until userspace reads them. */
#pragma once

#include "bits.h"
#include "ring.h"
#include "syscall.h"

/* (process, number) pairs counted at once. */
#define CALLS_MAX 131072

/* (process, number, errno) triples counted at once. */
#define ERRORS_MAX 65536

/* Histogram slots: at most 2^8 ns, 2^9, … 2^36, more. */
#define FIRST_POWER 8
#define SLOTS 30

struct call_key {
	__u32 tgid; /* 0 in `calls_overflow` */
	__u32 nr;   /* as in syscall_event */
};

/* A call is in exactly one slot: their sum is the number of calls. */
struct call_counts {
	__u64 duration; /* sum, ns */
	__u64 slots[SLOTS];
};

struct error_key {
	__u32 tgid; /* 0 in `errors_overflow` */
	__u32 nr;
	__u32 error;
	__u32 reserved;
};

EXPORT_RECORD(call_key);
EXPORT_RECORD(call_counts);
EXPORT_RECORD(error_key);

/*
 * A call of a process that finds no room is counted by number alone, as tgid 0, in the overflow
 * maps, where every number has room: totals stay exact. One that cannot be kept there either, for
 * want of memory, is lost: map_full.
 *
 * To spare each call one more atomic add, account.produced holds the lost ones only: what was
 * produced is that and the sum of all slots, and what was consumed is the sum of the slots that
 * userspace has read.
 *
 * Not per-CPU: the kernel's per-CPU allocator cannot keep pace with 10,000 new keys a second from a
 * program (it then fails with ENOMEM, seen on 6.18 with 1,400 short-lived processes a second), and
 * it takes a value for each possible CPU.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CALLS_MAX);
	__type(key, struct call_key);
	__type(value, struct call_counts);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, NR_COUNT);
	__type(key, struct call_key);
	__type(value, struct call_counts);
} calls_overflow SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ERRORS_MAX);
	__type(key, struct error_key);
	__type(value, __u64);
} errors SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ERRORS_MAX);
	__type(key, struct error_key);
	__type(value, __u64);
} errors_overflow SEC(".maps");

static const struct call_counts no_counts;

static __always_inline void *find_or_add(void *map, void *key, const void *zeros)
{
	void *value = bpf_map_lookup_elem(map, key);

	if (value)
		return value;
	/* Should another CPU add it first, that one stays. */
	bpf_map_update_elem(map, key, zeros, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

static __always_inline struct call_counts *counts_of(__u32 tgid, __u32 nr)
{
	struct call_key key = { .tgid = tgid, .nr = nr };
	struct call_counts *counts = find_or_add(&calls, &key, &no_counts);

	if (counts)
		return counts;
	key.tgid = 0;
	return find_or_add(&calls_overflow, &key, &no_counts);
}

static __always_inline __u64 *failures_of(__u32 tgid, __u32 nr, __u32 error)
{
	struct error_key key = { .tgid = tgid, .nr = nr, .error = error };
	__u64 zero = 0, *failures = find_or_add(&errors, &key, &zero);

	if (failures)
		return failures;
	key.tgid = 0;
	return find_or_add(&errors_overflow, &key, &zero);
}

static __always_inline __u32 slot_of(__u64 duration)
{
	__u32 power = ceil_log2(duration);
	__u32 slot = power > FIRST_POWER ? power - FIRST_POWER : 0;

	return slot < SLOTS ? slot : SLOTS - 1;
}

/* Finds room for all that a call adds before adding any of it. */
static __always_inline void count(__u32 nr, __u32 error, __u64 duration)
{
	__u32 tgid = bpf_get_current_pid_tgid() >> 32;
	struct call_counts *counts = counts_of(tgid, nr);
	__u64 *failures = error ? failures_of(tgid, nr, error) : NULL;

	if (!counts || (error && !failures)) {
		lose_to_map();
		return;
	}
	__sync_fetch_and_add(&counts->duration, duration);
	bump(&counts->slots[slot_of(duration)]);
	if (failures)
		bump(failures);
}
