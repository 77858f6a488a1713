/* SPDX-License-Identifier: Apache-2.0 */
/* What a step costs, nanoseconds of CPU time: what the fastest tenth of all bursts stays below. */
#pragma once

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static double cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1e9 + used.tv_nsec;
}

static double burst(void (*step)(void), long count)
{
	double start = cpu_ns();

	for (long n = 0; n < count; n++)
		step();
	return (cpu_ns() - start) / count;
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

static double fastest_tenth(void (*step)(void), long bursts, long count)
{
	double *times = calloc(bursts, sizeof(*times));

	if (!times)
		fail("allocating memory");
	for (long n = 0; n < bursts; n++)
		times[n] = burst(step, count);
	qsort(times, bursts, sizeof(*times), ascending);
	return times[bursts / 10];
}
