/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the scheduler knows of a task: the kernel's types. */
#pragma once

#include <ringtap/task.h>

/* include/linux/sched.h: a task that has ended; it is switched away from for the last time. */
#define TASK_DEAD 0x80

KERNEL_TYPES_BEGIN

struct seqcount {
	unsigned int sequence;
};

typedef struct {
	struct {
		struct seqcount seqcount;
	} seqcount;
} seqlock_t;

/* Sums over the threads that have been released, written under stats_lock (kernel/exit.c). */
struct signal_struct___sums {
	seqlock_t stats_lock;
	__u64 utime;
	__u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long min_flt;
	unsigned long maj_flt;
	unsigned long long sum_sched_runtime;
};

struct rq {
	__u64 clock;
};

struct cfs_rq {
	struct rq *rq;
};

struct sched_entity {
	__u64 sum_exec_runtime;
	struct cfs_rq *cfs_rq; /* of the task's CPU, whatever its class (set_task_rq()) */
};

/* include/linux/sched.h, CONFIG_SCHED_INFO */
struct sched_info {
	unsigned long pcount;		 /* times that it was given a CPU after it had waited */
	unsigned long long run_delay;	 /* sum of its waits, ns */
	unsigned long long last_arrival; /* when it was given a CPU last */
	unsigned long long last_queued;	 /* since when it waits on this run queue; 0: it does not */
};

struct pid;
struct task_group;

struct task_struct___sched {
	struct signal_struct___sums *signal;
	struct pid *thread_pid; /* NULL once it has been released (detach_pid()) */
	struct sched_entity se;
	struct sched_info sched_info;
	struct task_group *sched_task_group;
	__u64 utime;
	__u64 stime;
	unsigned long nvcsw;
	unsigned long nivcsw;
	unsigned long min_flt;
	unsigned long maj_flt;
};

/* Until 5.13. */
struct task_struct___long_state {
	volatile long state;
};

/* Since 5.14: 2f064a59a11f ("sched: Change task_struct::state"). */
struct task_struct___state {
	unsigned int __state;
};

KERNEL_TYPES_END

/* Is this the last time that the task, an argument of a tp_btf program, is switched away from? */
static __always_inline bool is_dead(struct task_struct *task)
{
	const struct task_struct___long_state *before = (void *)task;
	const struct task_struct___state *since = (void *)task;

	if (bpf_core_field_exists(since->__state))
		return since->__state == TASK_DEAD;
	return before->state == TASK_DEAD;
}
