// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what one getppid(2) costs, nanoseconds of CPU time: what the fastest tenth of all bursts
 * of all processes stays below. The processes take turns where they share a core.
 *
 *   loop PROCESSES BURSTS CALLS     each process makes so many bursts of so many calls
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Takes in what differs in a process's first calls: page faults, the tracer's new entries. */
#define WARM_UP_CALLS 1000

static double cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1e9 + used.tv_nsec;
}

static double burst(long calls)
{
	double start = cpu_ns();

	for (long call = 0; call < calls; call++)
		syscall(SYS_getppid);
	return (cpu_ns() - start) / calls;
}

static void measure(double *times, long bursts, long calls)
{
	burst(WARM_UP_CALLS);
	for (long i = 0; i < bursts; i++)
		times[i] = burst(calls);
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	long processes, bursts, calls, all;
	int gate[2], failed = 0, status;
	double *times;

	if (argc != 4)
		return 2;
	processes = atol(argv[1]);
	bursts = atol(argv[2]);
	calls = atol(argv[3]);
	all = processes * bursts;
	times = mmap(NULL, all * sizeof(*times), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
		     -1, 0);
	if (times == MAP_FAILED || pipe(gate))
		return 1;
	for (long i = 0; i < processes; i++) {
		pid_t child = fork();
		char none;

		if (child < 0)
			return 1;
		if (child > 0)
			continue;
		/* All begin together: when the gate's last writer is gone. */
		close(gate[1]);
		if (read(gate[0], &none, 1) != 0)
			_exit(1);
		measure(times + i * bursts, bursts, calls);
		_exit(0);
	}
	close(gate[1]);
	while (wait(&status) > 0)
		failed |= status;
	if (failed || all == 0)
		return 1;
	qsort(times, all, sizeof(*times), ascending);
	printf("%.1f\n", times[all / 10]);
	return 0;
}
