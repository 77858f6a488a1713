/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The account of an object: what its programs had to deliver, and what they could not, so that no
 * event is lost uncounted:
 *
 *   produced = consumed by userspace + ring_full + map_full + sampled, exactly, at rest.
 */
#pragma once

#include <asm-generic/errno-base.h>

#include <ringtap/core.h>

struct account {
	__u64 produced;	 /* events that were due, delivered or not */
	__u64 ring_full; /* of those: lost, the ring had no space */
	__u64 map_full;	 /* of those: lost, a map was at its capacity or no memory was left */
	__u64 sampled;	 /* of those: left out, so that the ring does not fill up */
};

/* The loader reads it by this name, and adds the CPUs up. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct account);
} account SEC(".maps");

static __always_inline struct account *account_of_this_cpu(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&account, &zero);
}

/*
 * A softirq can interrupt a program on its own CPU, so that even a per-CPU counter needs an atomic
 * add.
 */
static __always_inline void atomic_inc(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* Why an event is not delivered: a member of struct account. */
enum drop {
	NOT_DROPPED,
	RING_FULL,
	MAP_FULL,
	SAMPLED,
};

/* Counts events that were due and have been dropped for this reason. */
static __always_inline void count_drops(enum drop reason, __u64 events)
{
	struct account *account = account_of_this_cpu();

	if (!account)
		return;
	__sync_fetch_and_add(&account->produced, events);
	__sync_fetch_and_add(reason == RING_FULL ? &account->ring_full :
			     reason == SAMPLED	 ? &account->sampled :
						   &account->map_full,
			     events);
}

/* The same of one event. */
static __always_inline void count_drop(enum drop reason)
{
	count_drops(reason, 1);
}

/* Counts an event that is due but lost, because a map is at its capacity. */
static __always_inline void count_map_full(void)
{
	count_drop(MAP_FULL);
}

/*
 * bpf_map_update_elem() that counts what it could not store: true when the element was stored.
 * With BPF_NOEXIST, an element that exists already is no loss.
 */
static __always_inline bool update_or_count(void *map, const void *key, const void *value,
					    __u64 flags)
{
	/* Before Linux 6.4 the upper half of what it returns is undefined: d7ba4cc900bf. */
	int error = bpf_map_update_elem(map, key, value, flags);

	if (error && error != -EEXIST)
		count_map_full();
	return !error;
}
