// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what one getppid(2) takes, nanoseconds of CPU time: the median of many batches.
 * scripts/bench/syscall-cost runs it.
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define BATCHES 41
#define CALLS_IN_BATCH 50000

static double now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
	return now.tv_sec * 1e9 + now.tv_nsec;
}

static double batch(void)
{
	double start = now_ns();

	for (int call = 0; call < CALLS_IN_BATCH; call++)
		syscall(SYS_getppid);
	return (now_ns() - start) / CALLS_IN_BATCH;
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

int main(void)
{
	double times[BATCHES];

	batch(); /* warms up */
	for (int i = 0; i < BATCHES; i++)
		times[i] = batch();
	qsort(times, BATCHES, sizeof(times[0]), ascending);
	printf("%.1f\n", times[BATCHES / 2]);
	return 0;
}
