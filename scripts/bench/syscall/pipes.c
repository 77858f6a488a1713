// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what a system call costs where every other one blocks, nanoseconds of CPU time: what the
 * fastest tenth of all bursts stays below. Two processes, which must share a core, hand a byte
 * back and forth through pipes: write(2), then read(2), which blocks until the other one has run.
 *
 *   pipes BURSTS CALLS     a burst is of about so many calls of both processes together
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* There and back: a write and a read of each process. */
#define CALLS_OF_TURN 4

/* Takes in what differs in the first calls. */
#define WARM_UP_TURNS 1000

struct pipes {
	int from, to;
	clockid_t other; /* the other process's CPU time */
};

static double ns_of(clockid_t clock)
{
	struct timespec used;

	clock_gettime(clock, &used);
	return used.tv_sec * 1e9 + used.tv_nsec;
}

static double both_cpu_ns(const struct pipes *pipes)
{
	return ns_of(CLOCK_PROCESS_CPUTIME_ID) + ns_of(pipes->other);
}

static long blocked(void)
{
	struct rusage usage;

	getrusage(RUSAGE_SELF, &usage);
	return usage.ru_nvcsw;
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Hands each byte back, until there is none any more. */
static void answer(int from, int to)
{
	char byte;

	while (read(from, &byte, 1) == 1)
		if (write(to, &byte, 1) != 1)
			fail("write");
	_exit(0);
}

static double burst(const struct pipes *pipes, long turns)
{
	double start = both_cpu_ns(pipes);
	char byte = 0;

	for (long turn = 0; turn < turns; turn++)
		if (write(pipes->to, &byte, 1) != 1 || read(pipes->from, &byte, 1) != 1)
			fail("talking to the other process");
	return (both_cpu_ns(pipes) - start) / (turns * CALLS_OF_TURN);
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	const struct sched_param none = {};
	long bursts, turns, blocked_before, must_block;
	struct pipes pipes;
	int there[2], back[2];
	double *times;
	pid_t child;

	if (argc != 3)
		return 2;
	bursts = atol(argv[1]);
	turns = atol(argv[2]) / CALLS_OF_TURN;
	times = calloc(bursts, sizeof(*times));
	if (bursts <= 0 || turns <= 0 || !times)
		return 2;
	/* Who is woken waits until the other one blocks, so that every read comes too early. */
	if (sched_setscheduler(0, SCHED_BATCH, &none) || pipe(there) || pipe(back))
		fail("setting up");
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0) {
		close(there[1]);
		answer(there[0], back[1]);
	}
	pipes.from = back[0];
	pipes.to = there[1];
	if (clock_getcpuclockid(child, &pipes.other))
		fail("clock_getcpuclockid");

	burst(&pipes, WARM_UP_TURNS);
	blocked_before = blocked();
	for (long i = 0; i < bursts; i++)
		times[i] = burst(&pipes, turns);
	must_block = bursts * turns * 9 / 10;
	if (blocked() - blocked_before < must_block) {
		fprintf(stderr, "pipes: %ld reads blocked, of %ld\n", blocked() - blocked_before,
			bursts * turns);
		return 1;
	}
	qsort(times, bursts, sizeof(*times), ascending);
	printf("%.1f\n", times[bursts / 10]);
	return 0;
}
