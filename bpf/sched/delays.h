/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts of run-queue delays. A thread has a place, by its task's address, which only its own
 * arrivals on a CPU write, with the lock of a run queue held: counting costs neither an atomic
 * operation nor a search. When it has ended, what is in its place is added to the line of its
 * process (ringtap/counts.h), in which threads without a place count at once.
 */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/log2.h>
#include <ringtap/ring.h>

#include "task.h"

/* Lines for actors, a power of two. Behind them follows one for those that have none. */
const volatile __u32 delay_lines = 8192;
#define ALL_LINES (8192 + 1)

/* Histogram slots: at most 2^(10 - 30) s (0.95 µs), 2^(11 - 30) s, … 2^(32 - 30) s (4 s), more. */
#define FIRST_POWER 10
#define SLOTS 24

/* A power of two; of two threads that hash to one place, the second has none. */
#define PLACES 32768

struct place {
	__u64 task;	      /* its address; 0: free */
	__u64 arrivals;	      /* its pcount (task.h), once it has had its last CPU */
	__u64 waited;	      /* its run_delay by then, ns */
	__u64 earlier;	      /* of it, what it had before it had this place */
	__u64 start;	      /* of the thread, CLOCK_MONOTONIC, ns */
	struct actor_key key; /* of its process, when it took the place; its number is 0 */
	__u64 slots[SLOTS];
};

struct delay_line {
	struct actor_key key; /* its number is 0 */
	__u64 delay;	      /* sum, ns, of the threads that have ended, or have no place */
	__u64 with_record;    /* of all delays: those that are in the account of the ring */
	__u64 slots[SLOTS];   /* each of these delays is in one */
};

EXPORT_RECORD(delay_line);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, PLACES);
	__type(key, __u32);
	__type(value, struct place);
} places SEC(".maps");

/*
 * With all its entries allocated beforehand: an allocation can wake kswapd, which takes the lock of
 * a run queue, and sched_switch fires with one held.
 */
PREALLOCATED_LINES(delays, struct delay_line, lines, struct actor_key, ALL_LINES);

static __always_inline __u32 slot_of(__u64 delay)
{
	return slot_of_seconds(delay, FIRST_POWER, SLOTS);
}

/* The index of a task's place, which another task may have. Tasks are 64 bytes apart at least. */
static __always_inline struct place *place_of(__u64 task)
{
	__u32 index = (task >> 6) * 0x9e3779b97f4a7c15ull >> 32 & (PLACES - 1);

	return bpf_map_lookup_elem(&places, &index);
}

static __always_inline struct delay_line *find_own_line(struct actor_key *key)
{
	return find_line(&delays, &lines, delay_lines, &key->process.pair,
			 sizeof(*key) / sizeof(__u64));
}

/* The line of a key, else that of those that have none; NULL for want of memory. */
static __always_inline struct delay_line *line_of(struct actor_key *key)
{
	struct delay_line *line = find_own_line(key);

	if (line)
		return line;
	*key = (struct actor_key){ .process = process_key(OTHER_TGID, 0, 0) };
	return line_at(&delays, &lines, delay_lines, &key->process.pair,
		       sizeof(*key) / sizeof(__u64));
}

/* Adds what is in a place to a line, and frees it. Readers see that it is free first. */
static __always_inline void empty_place(struct place *place)
{
	struct actor_key key = place->key;
	struct delay_line *line = counting ? line_of(&key) : NULL;

	*(volatile __u64 *)&place->task = 0;
	if (line)
		__sync_fetch_and_add(&line->delay, place->waited - place->earlier);
	for (int slot = 0; slot < SLOTS; slot++) {
		if (line && place->slots[slot])
			__sync_fetch_and_add(&line->slots[slot], place->slots[slot]);
		place->slots[slot] = 0;
	}
}

/* Waits of a task that have ended without passing here, and their sum, ns. */
struct unseen {
	__u64 waits;
	__u64 delay;
};

/*
 * What the kernel has counted of a task beyond its place. Read in this order: where a task is being
 * given a CPU meanwhile, its place is written first, and there is nothing.
 */
static __always_inline struct unseen unseen_of(const struct place *place, __u64 arrivals,
					       __u64 waited)
{
	struct unseen unseen = { .waits = arrivals - READ_ONCE(place->arrivals),
				 .delay = waited - READ_ONCE(place->waited) };

	if ((__s64)unseen.waits <= 0 || (__s64)unseen.delay < 0)
		unseen.waits = 0;
	return unseen;
}

/* Of several nothing but their mean is known. */
static __always_inline __u32 slot_of_unseen(const struct unseen *unseen)
{
	return slot_of(unseen->waits > 1 ? unseen->delay / unseen->waits : unseen->delay);
}

/*
 * Makes a place one for the next delay of a task that is being given a CPU, or has ended: a new
 * task's, or after waits that have not passed here. False when another task has it, or there is no
 * line for what it will have in the end.
 */
static __noinline bool prepare_place(struct place *place, struct task_struct *next)
{
	const struct task_struct___sched *task = (void *)next;
	__u64 address = address_of(next), arrivals, waited;
	struct actor_key key = {};
	struct unseen unseen;

	arrivals = task->sched_info.pcount;
	waited = task->sched_info.run_delay;
	if (place->task == address && place->start == next->start_time) {
		unseen = unseen_of(place, arrivals, waited);
		if (unseen.waits)
			place->slots[slot_of_unseen(&unseen)] += unseen.waits;
		place->arrivals = arrivals;
		place->waited = waited;
		return true;
	}
	if (place->task && place->task != address)
		return false;
	if (place->task)
		empty_place(place);
	actor_key_of(&key, next, 0);
	if (counting && !find_own_line(&key))
		return false;
	place->arrivals = arrivals;
	place->earlier = arrivals ? waited : 0;
	place->waited = place->earlier;
	place->start = next->start_time;
	place->key = key;
	*(volatile __u64 *)&place->task = address;
	return true;
}

/* Counts a delay of a task that has no place. */
static __noinline int count_in_line(struct task_struct *task, __u64 delay)
{
	struct actor_key key = {};
	struct delay_line *line;

	actor_key_of(&key, task, 0);
	line = line_of(&key);
	if (!line) {
		count_map_full();
		return 0;
	}
	__sync_fetch_and_add(&line->delay, delay);
	atomic_inc(&line->slots[slot_of(delay)]);
	return 0;
}

/* A delay of a task has a record: it is in another account. */
static __noinline int count_record(struct task_struct *task)
{
	struct actor_key key = {};
	struct delay_line *line;

	actor_key_of(&key, task, 0);
	line = line_of(&key);
	if (line)
		atomic_inc(&line->with_record);
	return 0;
}

/*
 * Counts how long a task has waited that is being given a CPU, ns; false when it has not. It is
 * what the kernel adds to run_delay in all, in pieces where the wait went on on another run queue
 * (sched_info_dequeue(), kernel/sched/stats.h), the last one just after sched_switch
 * (sched_info_arrive(), by the clock that the run queue shows), when it adds 1 to pcount.
 */
static __always_inline bool count_delay(struct task_struct *next, __u64 *delay)
{
	const struct task_struct___sched *task = (void *)next;
	__u64 queued = task->sched_info.last_queued;
	__u64 waited = task->sched_info.run_delay;
	__u64 arrivals = task->sched_info.pcount;
	__u64 address = address_of(next), piece;
	struct place *place;

	if (!queued)
		return false;
	piece = task->se.cfs_rq->rq->clock - queued;
	*delay = piece;
	place = place_of(address);
	if (!place)
		return true;
	if ((place->task != address || place->arrivals != arrivals) &&
	    !prepare_place(place, next)) {
		if (counting)
			count_in_line(next, piece);
		return true;
	}
	*delay += waited - place->waited;
	place->waited = waited + piece;
	place->arrivals = arrivals + 1;
	place->slots[slot_of(*delay)]++;
	return true;
}

/* A thread is switched away from for ever. */
static __noinline int leave_place(struct task_struct *thread)
{
	__u64 address = address_of(thread);
	struct place *place = place_of(address);

	if (place && place->task == address && prepare_place(place, thread))
		empty_place(place);
	return 0;
}

/* What a thread has in its place, for readers: the sum, ns, and how many are in each slot. */
static __always_inline void read_delays(struct task_struct *thread, __u64 *sum, __u64 *slots)
{
	const struct task_struct___sched *task = (void *)thread;
	__u64 address = address_of(thread), arrivals, waited;
	struct place *place = place_of(address);
	struct unseen unseen;

	arrivals = READ(task, sched_info.pcount);
	waited = READ(task, sched_info.run_delay);
	*sum = 0;
	for (int slot = 0; slot < SLOTS; slot++)
		slots[slot] = 0;
	if (!place || READ_ONCE(place->task) != address || place->start != READ(thread, start_time))
		return;
	unseen = unseen_of(place, arrivals, waited);
	for (int slot = 0; slot < SLOTS; slot++)
		slots[slot] = place->slots[slot];
	*sum = place->waited - place->earlier;
	if (unseen.waits) {
		slots[slot_of_unseen(&unseen)] += unseen.waits;
		*sum += unseen.delay;
	}
	if (READ_ONCE(place->task) == address)
		return;
	*sum = 0;
	for (int slot = 0; slot < SLOTS; slot++)
		slots[slot] = 0;
}
