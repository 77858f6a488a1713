/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which system calls are timed. Two readings of the clock are most of what counting a call costs.
 *
 * TIMING_SAMPLED estimates the durations: a call that keeps its CPU is timed with probability 1/8,
 * and then stands for 8 of its kind; a call whose task leaves the CPU is always timed, from when it
 * leaves it first, and stands for itself. So waiting, which is most of the time spent in calls, is
 * measured each time. What such a call did before is known of 1 in 8, and counts 8 times in the
 * sum of durations, so that this has no bias; in the slots the others are too short by it.
 */
#pragma once

#include <ringtap/core.h>

enum timing {
	TIMING_ALL,
	TIMING_SAMPLED,
	TIMING_OFF,
};

const volatile __u32 timing = TIMING_ALL;

/*
 * May userspace change it while calls go on? Then `timing_now` counts in its place. A call that
 * began with another one is never part of what TIMING_ALL measures: it is counted, without a
 * duration.
 */
const volatile bool timing_changes = false;
volatile __u32 timing_now;

static __always_inline __u32 current_timing(void)
{
	return timing_changes ? timing_now : timing;
}

/* One call in so many is timed with TIMING_SAMPLED. */
#define TIMED_ONE_IN 8

/* The unit of the time before a call left its CPU, a power of two, ns: 16.8 ms are the most. */
#define BEFORE_SHIFT 8
#define BEFORE_MAX 0xffff

static __always_inline __u16 time_before(__u64 duration)
{
	__u64 units = (duration + (1 << (BEFORE_SHIFT - 1))) >> BEFORE_SHIFT;

	return units > BEFORE_MAX ? BEFORE_MAX : units;
}

/*
 * What a call that was timed before it left its CPU adds to the sum beside its own duration, ns: it
 * stands for others of its kind that were not.
 */
static __always_inline __u64 others_before(__u16 before)
{
	return (TIMED_ONE_IN - 1) * ((__u64)before << BEFORE_SHIFT);
}

/*
 * Is this call, which begins on this CPU, timed? `until` counts down to the next that is. The gaps
 * between them are random, uniform from 1 to 15: a program that makes the same few calls in turn
 * must not have one of them timed each time and another never. `random` is the last number of this
 * CPU's row of them: the usual linear congruential one, for which no helper needs to be called, and
 * of which the high bits are what is good.
 */
static __always_inline bool is_sample(__s32 *until, __u32 *random)
{
	/*
	 * Below 0 where this program has been preempted here, which kernels newer than 6.18 do: see
	 * pop_call(). Then the gap is too short.
	 */
	if (--*until > 0)
		return false;
	*random = *random * 1664525 + 1013904223;
	*until = 1 + ((__u64)*random * (2 * TIMED_ONE_IN - 1) >> 32);
	return true;
}
