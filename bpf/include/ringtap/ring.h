/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring and its books. Each object that includes this has one ring, `events`, and one per-CPU
 * account of what its programs produced and what they could not deliver: produced = consumed by
 * userspace + ring_full + map_full + sampled, exactly, at rest.
 */
#pragma once

#include <ringtap/core.h>

struct account {
	__u64 produced;	 /* records that were due, delivered or not */
	__u64 ring_full; /* of those: refused, no room in the ring */
	__u64 map_full;	 /* of those: refused, no room in a map */
	__u64 sampled;	 /* of those: left out, so that the ring does not fill up */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct account);
} account SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024); /* bytes; userspace resizes it to --ring.size */
} events SEC(".maps");

/*
 * Bytes that may wait in the ring before userspace is woken; below it, userspace's timer finds
 * them. A power of two.
 */
const volatile __u64 wakeup_bytes = 1024 * 1024;

static __always_inline struct account *books(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&account, &zero);
}

/*
 * A softirq can interrupt a program on its own CPU, so that even a per-CPU counter needs an atomic
 * add.
 */
static __always_inline void bump(__u64 *counter)
{
	__sync_fetch_and_add(counter, 1);
}

/* A record that is due but cannot be kept, for want of room in a map. */
static __always_inline void lose_to_map(void)
{
	struct account *account = books();

	if (!account)
		return;
	bump(&account->produced);
	bump(&account->map_full);
}

/* Bytes that wait in the ring. */
static __always_inline __u64 waiting_bytes(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
}

/*
 * Is the ring filling up? From when it is half full (it holds 4 * wakeup_bytes), until only an
 * eighth waits.
 */
static bool is_thinning;

/*
 * For a record of which a sample will do: is it to be left out? While the ring is filling up, all
 * but one in 2, 4, … 512 are, the more the fuller it is. Counts what is left out.
 */
static __always_inline bool is_sampled_out(__u64 waiting)
{
	struct account *account;
	__u32 halvings;

	if (waiting >= 2 * wakeup_bytes)
		is_thinning = true;
	else if (is_thinning && waiting < wakeup_bytes / 2)
		is_thinning = false;
	if (!is_thinning)
		return false;
	halvings = 1 + 2 * waiting / wakeup_bytes;
	if (!(bpf_get_prandom_u32() & ((1u << (halvings & 15)) - 1)))
		return false;
	account = books();
	if (account) {
		bump(&account->produced);
		bump(&account->sampled);
	}
	return true;
}

/* Room for one record of `size` bytes, a constant; NULL, and counted, when the ring is full. */
static __always_inline void *reserve(__u64 size)
{
	struct account *account = books();
	void *record = bpf_ringbuf_reserve(&events, size, 0);

	if (account) {
		bump(&account->produced);
		if (!record)
			bump(&account->ring_full);
	}
	return record;
}

/*
 * Hands a record over, when so many bytes waited a moment ago. The wake-up is due each time they
 * pass a multiple of wakeup_bytes; its window of a sixteenth is wider than the records that several
 * CPUs can add between one's reserve and its look, so none passes unseen.
 */
static __always_inline void submit_behind(void *record, __u64 waiting)
{
	bool due = waiting >= wakeup_bytes && (waiting & (wakeup_bytes - 1)) < wakeup_bytes / 16;

	bpf_ringbuf_submit(record, due ? BPF_RB_FORCE_WAKEUP : BPF_RB_NO_WAKEUP);
}

static __always_inline void submit(void *record)
{
	submit_behind(record, waiting_bytes());
}
