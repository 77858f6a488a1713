/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The numbers that the kernel keeps of each thread. When it releases a thread, it adds them to the
 * sums of the process (__exit_signal(), kernel/exit.c), as wait4(2) reports them.
 */
#pragma once

#include "task.h"

enum number {
	NUMBER_RUN_TIME, /* exact, ns */
	NUMBER_USER,	 /* of the run time: as clock ticks have found it, ns */
	NUMBER_SYSTEM,
	NUMBER_VOLUNTARY, /* context switches */
	NUMBER_INVOLUNTARY,
	NUMBER_MINOR, /* page faults */
	NUMBER_MAJOR,
	NUMBERS,
};

/* A release takes some hundred nanoseconds. */
#define READ_TRIES 4

/*
 * Reads the numbers of a thread, 0 if it has been released, and the sums of the threads of its
 * process that have been. False when a thread is being released all the time.
 */
static __always_inline bool read_numbers(struct task_struct *thread, __u64 *own, __u64 *ended)
{
	struct task_struct___sched *task = (void *)thread;
	struct signal_struct___sums *sums = READ(task, signal);
	__u32 before, after;

	for (int try = 0; try < READ_TRIES; try++) {
		before = READ(sums, stats_lock.seqcount.seqcount.sequence);
		ended[NUMBER_RUN_TIME] = READ(sums, sum_sched_runtime);
		ended[NUMBER_USER] = READ(sums, utime);
		ended[NUMBER_SYSTEM] = READ(sums, stime);
		ended[NUMBER_VOLUNTARY] = READ(sums, nvcsw);
		ended[NUMBER_INVOLUNTARY] = READ(sums, nivcsw);
		ended[NUMBER_MINOR] = READ(sums, min_flt);
		ended[NUMBER_MAJOR] = READ(sums, maj_flt);
		own[NUMBER_RUN_TIME] = READ(task, se.sum_exec_runtime);
		own[NUMBER_USER] = READ(task, utime);
		own[NUMBER_SYSTEM] = READ(task, stime);
		own[NUMBER_VOLUNTARY] = READ(task, nvcsw);
		own[NUMBER_INVOLUNTARY] = READ(task, nivcsw);
		own[NUMBER_MINOR] = READ(task, min_flt);
		own[NUMBER_MAJOR] = READ(task, maj_flt);
		if (!READ(task, thread_pid))
			__builtin_memset(own, 0, NUMBERS * sizeof(*own));
		after = READ(sums, stats_lock.seqcount.seqcount.sequence);
		if (before == after && !(before & 1))
			return true;
	}
	return false;
}
