/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The ring, through which records go to userspace.
 *
 * This is the contract between an object and the loader (src/engine/load.ts). The loader finds each
 * part by its name, and asks for it only where an object has it:
 *
 *   events         the ring (this header). The loader sets its size, a power of two of bytes, maps
 *                  it and reads its records. Each record is the same struct, or a head of it, of a
 *                  multiple of 8 bytes, named by EXPORT_RECORD() (core.h). An object without a ring
 *                  delivers through maps alone.
 *   wakeup_bytes   constant of this header: the loader sets it to a quarter of the ring's size. The
 *                  loader waits for the ring's poll, and submit() wakes it only each time that so
 *                  many bytes have come to wait; what waits below that, a timer finds.
 *   account        per-CPU map (account.h) of what was due and what was lost. Every object that
 *                  includes this header has it. An object without one has nothing to lose, or
 *                  counts what it delivers when userspace reads its maps.
 *   cgroup_source  constant (cgroup.h): which hierarchy of control groups tells containers apart,
 *                  an enum cgroup_source. The loader sets it to CGROUP_NONE unless labels need the
 *                  groups. Every object that includes task.h has it.
 *   kernel_reads_forbidden  constant (read.h): set where the kernel is locked down so far that no
 *                  helper reads its memory. Every object that includes core.h has it.
 *
 * Other maps, constants and variables are the signal's own: its setup() sets them.
 */
#pragma once

#include <ringtap/account.h>

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4 * 1024 * 1024); /* bytes; the loader resizes it */
} events SEC(".maps");

/*
 * Bytes that may wait in the ring before userspace is woken; below it, userspace's timer finds
 * them. A power of two.
 */
const volatile __u64 wakeup_bytes = 1024 * 1024;

/* Bytes that wait in the ring. */
static __always_inline __u64 waiting_bytes(void)
{
	return bpf_ringbuf_query(&events, BPF_RB_AVAIL_DATA);
}

/*
 * Is the ring filling up? From when it is half full (it holds 4 * wakeup_bytes), until only an
 * eighth waits.
 */
static bool is_sampling;

/*
 * Is a record of which a sample will do to be left out? While the ring is filling up, all but one
 * in 2, 4, … 512 are, the more the fuller it is.
 */
static __always_inline bool sampling_skips(__u64 waiting)
{
	__u32 halvings;

	if (waiting >= 2 * wakeup_bytes)
		is_sampling = true;
	else if (is_sampling && waiting < wakeup_bytes / 2)
		is_sampling = false;
	if (!is_sampling)
		return false;
	halvings = 1 + 2 * waiting / wakeup_bytes;
	return bpf_get_prandom_u32() & ((1u << (halvings & 15)) - 1);
}

/*
 * Reserves one record of `size` bytes, a constant, and counts it as produced. NULL, and counted as
 * ring_full, when the ring is full. The caller fills the record and gives it to submit().
 */
static __always_inline void *reserve(__u64 size)
{
	struct account *account = account_of_this_cpu();
	void *record = bpf_ringbuf_reserve(&events, size, 0);

	if (account) {
		atomic_inc(&account->produced);
		if (!record)
			atomic_inc(&account->ring_full);
	}
	return record;
}

/*
 * reserve() for a signal that samples, when so many bytes waited a moment ago: of records that are
 * not `needed`, those that sampling_skips() are not reserved.
 *
 * Only details may be sampled, never totals: an event without a record is added by the caller to
 * counts in a map, which userspace reads by counters() and adds to what it has counted of records.
 * So on NULL the caller counts the event there, and then the drop: count_drop(*reason), or
 * count_map_full() for one that the map could not count either. (bpf/syscall/syscall.bpf.c)
 */
static __always_inline void *reserve_sampled(__u64 size, __u64 waiting, bool needed,
					     enum drop *reason)
{
	struct account *account;
	void *record;

	*reason = SAMPLED;
	if (!needed && sampling_skips(waiting))
		return NULL;
	*reason = RING_FULL;
	record = bpf_ringbuf_reserve(&events, size, 0);
	if (!record)
		return NULL;
	*reason = NOT_DROPPED;
	account = account_of_this_cpu();
	if (account)
		atomic_inc(&account->produced);
	return record;
}

/*
 * Hands a record over, when so many bytes waited a moment ago. The wake-up is due each time they
 * pass a multiple of wakeup_bytes; its window of a sixteenth is wider than the records that several
 * CPUs can add between one's reserve and its query, so that none passes unseen.
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
