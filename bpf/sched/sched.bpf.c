// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * sched: how long tasks wait for a CPU, counted when they get it; and, read at the scrape, what the
 * kernel counts of each task and control group itself. sched_switch is the only hook: it fires with
 * the lock of the run queue held, in the context of the task that is switched away from.
 */
#include <ringtap/core.h>
#include <ringtap/iter.h>
#include <ringtap/ring.h>
#include <ringtap/task.h>

/* Are delays counted, and ended processes reported? In `ringtap trace`, no one reads counts. */
const volatile bool counting = true;

#include "delays.h"
#include "groups.h"
#include "numbers.h"
#include "task.h"

/* Which delays have a record. Userspace changes it while programs run. */
volatile bool delays_wanted;
volatile __u64 min_delay_ns;

enum sched_event_kind {
	SCHED_EVENT_DELAY,
	SCHED_EVENT_EXIT, /* the last thread of a process is switched away from for ever */
};

struct sched_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	struct actor actor;
	enum sched_event_kind kind;
	__u32 cpu;
	__u64 delay;	    /* ns */
	__u32 previous_tid; /* of the task that had the CPU before; 0: it was idle */
	__u32 reserved;
	char previous_comm[COMM_LEN];
	/* Of SCHED_EVENT_EXIT only: a delay's record ends before. */
	__u64 start; /* of the process, CLOCK_MONOTONIC, ns */
	__u64 totals[NUMBERS];
};

/* A thread, as a scan shows it. */
struct sched_thread {
	__u64 start; /* of the process, CLOCK_MONOTONIC, ns */
	struct actor actor;
	__u64 own[NUMBERS];
	__u64 ended[NUMBERS]; /* of the threads of its process that have been released */
	__u64 delay;	      /* sum of the delays in its place, ns */
	__u64 delays[SLOTS];
};

EXPORT_RECORD(sched_event);
EXPORT_RECORD(sched_thread);

static __always_inline void begin(struct sched_event *event, struct task_struct *task, __u32 kind)
{
	event->time = bpf_ktime_get_ns();
	actor_of(&event->actor, task);
	event->kind = kind;
	event->cpu = bpf_get_smp_processor_id();
	event->delay = 0;
	event->previous_tid = 0;
	event->reserved = 0;
	__builtin_memset(event->previous_comm, 0, sizeof(event->previous_comm));
}

static __noinline int report_delay(struct task_struct *previous, struct task_struct *task,
				   __u64 delay)
{
	struct sched_event *event = reserve(offsetof(struct sched_event, start));

	if (!event)
		return 0;
	begin(event, task, SCHED_EVENT_DELAY);
	event->delay = delay;
	event->previous_tid = READ(previous, pid);
	read_comm(event->previous_comm, previous);
	submit(event);
	return 0;
}

/*
 * A thread is switched away from for ever. If all of its process have come so far, or only the
 * leader has not, their numbers are final: but for the leader's, which then comes here as well.
 * (A thread that a tracer keeps is released by that, and is missed.)
 */
static __noinline int report_end(struct task_struct *thread)
{
	struct task_struct *leader = READ(thread, group_leader);
	__u64 ended[NUMBERS];
	struct sched_event *event;

	if (READ(thread, signal, live.counter) || READ(thread, signal, nr_threads) > 1)
		return 0;
	event = reserve(sizeof(*event));
	if (!event)
		return 0;
	begin(event, thread, SCHED_EVENT_EXIT);
	event->start = READ(leader, start_time);
	if (!read_numbers(leader, event->totals, ended))
		__builtin_memset(event->totals, 0, sizeof(event->totals));
	for (int number = 0; number < NUMBERS; number++)
		event->totals[number] += ended[number];
	submit(event);
	return 0;
}

SEC("tp_btf/sched_switch")
int BPF_PROG(sched_switched, bool preempted, struct task_struct *previous, struct task_struct *next)
{
	__u64 delay;

	if (is_dead(previous)) {
		leave_place(previous);
		if (counting)
			report_end(previous);
	}
	/* The idle task does not wait. */
	if (!next->pid || !count_delay(next, &delay))
		return 0;
	if (!delays_wanted || delay < min_delay_ns)
		return 0;
	if (counting)
		count_record(next);
	report_delay(previous, next, delay);
	return 0;
}

/* Too large for the stack. There is one walk at a time (ringtap/iter.h). */
static struct sched_thread present;

/* Writes a record for each thread. */
SEC("iter/task")
int sched_threads(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;

	if (task && piece_ends())
		return 1;
	if (!task || !read_numbers(task, present.own, present.ended))
		return 0;
	present.start = READ(task, group_leader, start_time);
	actor_of(&present.actor, task);
	read_delays(task, &present.delay, present.delays);
	bpf_seq_write(ctx->meta->seq, &present, sizeof(present));
	return 0;
}

/*
 * Writes a record for each control group that a process is in or below, perhaps several times. A
 * process in the group of its parent is left out, since the parent's are written.
 */
SEC("iter/task")
int sched_groups(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_struct___sched *parent;
	struct sched_group record;
	struct task_group *group;

	if (task && piece_ends())
		return 1;
	if (!task || task->pid != task->tgid)
		return 0;
	parent = (void *)READ(task, real_parent);
	group = READ((struct task_struct___sched *)task, sched_task_group);
	if (group == READ(parent, sched_task_group))
		return 0;
	for (int level = 0; group && level < LEVELS; level++, group = READ(group, parent)) {
		if (describe_group(&record, group, task))
			bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
		if (!is_in_source(READ(group, css.cgroup), task))
			break;
	}
	return 0;
}

LICENSE;
