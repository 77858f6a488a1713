// SPDX-License-Identifier: Apache-2.0
/*
 * Calls getppid(2) for a while in several processes and prints how many calls that were, and how
 * many seconds it took.
 *
 *   load SECONDS CALLS_PER_SECOND CPU...
 *
 * One process for each CPU named (one may be named several times), each at that rate; 0 is as fast
 * as it goes. A paced process makes its calls in a burst each millisecond.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ll
#define TICK_NS 1000000ll

/* Calls between two looks at the clock. */
#define CALLS_IN_BURST 1000

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now); /* the vDSO's: no system call */
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(long long time)
{
	struct timespec at = { .tv_sec = time / NS_PER_S, .tv_nsec = time % NS_PER_S };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static long load(long long end, long long rate)
{
	long long burst = rate > 0 ? rate * TICK_NS / NS_PER_S : CALLS_IN_BURST;
	long long next = now_ns();
	long calls = 0;

	while (now_ns() < end) {
		for (long long i = 0; i < burst; i++)
			syscall(SYS_getppid);
		calls += burst;
		if (rate > 0)
			sleep_until(next += TICK_NS);
	}
	return calls;
}

static void pin_to(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		_exit(1);
}

int main(int argc, char **argv)
{
	int failed = 0, status;
	long long start = now_ns(), end;
	long *calls, sum = 0;

	if (argc < 4)
		return 2;
	end = start + atof(argv[1]) * NS_PER_S;
	calls = mmap(NULL, argc * sizeof(*calls), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (calls == MAP_FAILED)
		return 1;
	for (int i = 3; i < argc; i++) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (child > 0)
			continue;
		pin_to(atoi(argv[i]));
		calls[i] = load(end, atoll(argv[2]));
		_exit(0);
	}
	while (wait(&status) > 0)
		failed |= status;
	if (failed)
		return 1;
	for (int i = 3; i < argc; i++)
		sum += calls[i];
	printf("%ld %.6f\n", sum, (double)(now_ns() - start) / NS_PER_S);
	return 0;
}
