/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of run-queue delays by actor (ringtap/counts.h), and how long a task has waited. */
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

/* Delays: each is in one slot. */
struct delay_line {
	struct actor_key key; /* its number is 0 */
	__u64 delay;	      /* sum, ns */
	__u64 with_record;    /* of the delays: those that are in the account of the ring */
	__u64 slots[SLOTS];
};

EXPORT_RECORD(delay_line);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ALL_LINES);
	__type(key, __u32);
	__type(value, struct delay_line);
} delays SEC(".maps");

/*
 * With all its entries allocated beforehand: an allocation can wake kswapd, which takes the lock of
 * a run queue, and sched_switch fires with one held.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ALL_LINES);
	__type(key, __u32);
	__type(value, struct actor_key);
} lines SEC(".maps");

/*
 * What sched_info of a task was once it had been given a CPU, for the one that was last among the
 * tasks with the same low bits of the tid. A wait that goes on on another run queue is added to
 * run_delay in pieces (sched_info_dequeue(), kernel/sched/stats.h): they are what that has grown by
 * since. A task whose place another one has taken meanwhile loses the pieces before the last one.
 */
#define ARRIVALS 32768

struct arrival {
	__u32 tid;
	__u32 count; /* pcount */
	__u64 run_delay;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ARRIVALS);
	__type(key, __u32);
	__type(value, struct arrival);
} arrivals SEC(".maps");

/*
 * How long a task has waited that is being given a CPU, ns; false when it has not. sched_switch
 * fires just before sched_info_arrive() adds the same to run_delay and 1 to pcount, with the clock
 * that the run queue shows (prepare_task_switch(), kernel/sched/core.c).
 */
static __always_inline bool read_delay(struct task_struct *next, __u64 *delay)
{
	const struct task_struct___sched *task = (void *)next;
	__u64 queued = task->sched_info.last_queued;
	__u64 run_delay = task->sched_info.run_delay;
	__u32 count = task->sched_info.pcount;
	__u32 tid = next->pid;
	__u32 index = tid & (ARRIVALS - 1);
	struct arrival *last;
	__u64 before = 0;

	if (!queued)
		return false;
	*delay = task->se.cfs_rq->rq->clock - queued;
	last = bpf_map_lookup_elem(&arrivals, &index);
	if (!last)
		return true;
	if (!count)
		before = run_delay;
	else if (last->tid == tid && last->count == count)
		before = run_delay - last->run_delay;
	last->tid = tid;
	last->count = count + 1;
	last->run_delay = run_delay + *delay;
	/* It cannot have waited before it ran last: what says so is of two tasks at once. */
	if (before && before <= queued - task->sched_info.last_arrival)
		*delay += before;
	return true;
}

/* The key of a task's process; the task is an argument of a tp_btf program. */
static __always_inline void actor_key_of(struct actor_key *key, struct task_struct *task)
{
	struct task_struct *leader = task->group_leader;

	key->process = process_key(task->tgid, leader->start_time, 0);
	if (has_typed_task()) {
		const __u64 *comm = (void *)leader->comm;

		key->comm[0] = comm[0];
		key->comm[1] = comm[1];
	} else {
		read_comm((char *)key->comm, leader);
	}
	key->cgroup = cgroup_id_of(task);
}

static __always_inline struct delay_line *line_of(struct task_struct *task)
{
	struct actor_key key = {};
	const __u32 words = sizeof(key) / sizeof(__u64);
	struct delay_line *line;

	actor_key_of(&key, task);
	line = find_line(&delays, &lines, delay_lines, &key.process.pair, words);
	if (line)
		return line;
	key = (struct actor_key){ .process = process_key(OTHER_TGID, 0, 0) };
	return line_at(&delays, &lines, delay_lines, &key.process.pair, words);
}

/* Counts a delay of a task. False where that cannot be, for want of a line. */
static __always_inline bool count(struct task_struct *task, __u64 delay, bool has_record)
{
	struct delay_line *line = line_of(task);

	if (!line)
		return false;
	__sync_fetch_and_add(&line->delay, delay);
	atomic_inc(&line->slots[slot_of_seconds(delay, FIRST_POWER, SLOTS)]);
	if (has_record)
		atomic_inc(&line->with_record);
	return true;
}
