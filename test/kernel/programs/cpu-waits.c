/*
 * Programs that wait for a CPU, and that end, so that the kernel has numbers of them to compare.
 *
 *   waits THREADS ROUNDS pinned|free   threads that compute and sleep by turns, then sleep for good
 *   burn MILLISECONDS                  computes, then sleeps for good
 *   ends CHILDREN                      children that end in every way; what wait4(2) says of them
 *   brief CHILDREN                     children that do next to nothing, some at once; the same
 *
 * The first two write "done" to standard output once all their threads sleep.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

/* Children at a time. */
#define AT_ONCE 128

static const char *self;
static atomic_int computing;

static long cpu_ns(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now);
	return now.tv_sec * 1000000000l + now.tv_nsec;
}

static void compute(long microseconds)
{
	long end = cpu_ns(CLOCK_THREAD_CPUTIME_ID) + microseconds * 1000;

	while (cpu_ns(CLOCK_THREAD_CPUTIME_ID) < end)
		;
}

static void *take_turns(void *rounds)
{
	for (long round = 0; round < (long)rounds; round++) {
		compute(3000);
		usleep(200);
	}
	atomic_fetch_sub(&computing, 1);
	while (pause())
		;
	return NULL;
}

static void pin(void)
{
	cpu_set_t first;

	CPU_ZERO(&first);
	CPU_SET(0, &first);
	if (sched_setaffinity(0, sizeof(first), &first))
		perror("sched_setaffinity");
}

static int sleep_for_good(void)
{
	/* What sleeps has been switched away from. */
	while (atomic_load(&computing))
		usleep(1000);
	puts("done");
	fflush(stdout);
	while (pause())
		;
	return 0;
}

static int waits(int threads, long rounds, int pinned)
{
	pthread_t thread;

	if (pinned)
		pin();
	atomic_store(&computing, threads);
	for (int n = 0; n < threads; n++)
		pthread_create(&thread, NULL, take_turns, (void *)rounds);
	return sleep_for_good();
}

static void touch_pages(int pages)
{
	char *memory = mmap(NULL, pages * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS,
			    -1, 0);

	for (int page = 0; page < pages; page++)
		memory[page * 4096] = 1;
}

static void work(void)
{
	compute(2000);
	touch_pages(20);
	usleep(100);
}

static void *work_and_end(void *arg)
{
	work();
	return arg;
}

static void *end_as_other(void *arg)
{
	usleep(2000);
	work();
	execl(self, self, "last", NULL);
	return arg;
}

static void *outlive(void *arg)
{
	usleep(5000);
	work();
	_exit(0);
	return arg;
}

/* Never returns. */
static void end(int way)
{
	pthread_t threads[3];

	prctl(PR_SET_NAME, "rt-cpu-ends");
	work();
	switch (way % 4) {
	case 0:
		_exit(0);
	case 1: /* threads that end before */
		for (int n = 0; n < 3; n++)
			pthread_create(&threads[n], NULL, work_and_end, NULL);
		for (int n = 0; n < 3; n++)
			pthread_join(threads[n], NULL);
		_exit(0);
	case 2: /* a thread takes the leader's place */
		pthread_create(&threads[0], NULL, end_as_other, NULL);
		pause();
		_exit(1);
	default: /* the leader ends first */
		pthread_create(&threads[0], NULL, outlive, NULL);
		pthread_exit(NULL);
	}
}

static long microseconds(struct timeval time)
{
	return time.tv_sec * 1000000l + time.tv_usec;
}

/* How often a child has been switched away from. */
static long switches(pid_t child)
{
	char path[64], line[256];
	long sum = 0, count;
	FILE *status;

	snprintf(path, sizeof(path), "/proc/%d/status", child);
	status = fopen(path, "r");
	while (fgets(line, sizeof(line), status))
		if (sscanf(line, "voluntary_ctxt_switches: %ld", &count) == 1 ||
		    sscanf(line, "nonvoluntary_ctxt_switches: %ld", &count) == 1)
			sum += count;
	fclose(status);
	return sum;
}

/* Waits until children have ended, and been switched away from for the last time. */
static void settle(const pid_t *children, int count)
{
	long now = 0, before;
	siginfo_t info;
	int same = 0;

	for (int n = 0; n < count; n++)
		waitid(P_PID, children[n], &info, WEXITED | WNOWAIT);
	while (same < 5) {
		before = now;
		now = 0;
		for (int n = 0; n < count; n++)
			now += switches(children[n]);
		same = now == before ? same + 1 : 0;
		usleep(20000);
	}
}

/* Never returns. */
static void end_at_once(int n)
{
	(void)n;
	prctl(PR_SET_NAME, "rt-cpu-brief");
	touch_pages(3);
	_exit(0);
}

static int ends(int children, void (*child)(int))
{
	pid_t pids[AT_ONCE];
	long sums[6] = {};

	for (int done = 0, count; done < children; done += count) {
		for (count = 0; count < AT_ONCE && done + count < children; count++) {
			pids[count] = fork();
			if (!pids[count])
				child(done + count);
		}
		settle(pids, count);
		for (int n = 0; n < count; n++) {
			struct rusage used;
			int status;

			if (wait4(pids[n], &status, 0, &used) != pids[n] || status)
				return 1;
			sums[0] += microseconds(used.ru_utime);
			sums[1] += microseconds(used.ru_stime);
			sums[2] += used.ru_nvcsw;
			sums[3] += used.ru_nivcsw;
			sums[4] += used.ru_minflt;
			sums[5] += used.ru_majflt;
		}
	}
	for (int n = 0; n < 6; n++)
		printf("%ld\n", sums[n]);
	return 0;
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 5 && !strcmp(argv[1], "waits"))
		return waits(atoi(argv[2]), atol(argv[3]), !strcmp(argv[4], "pinned"));
	if (argc == 3 && !strcmp(argv[1], "burn")) {
		compute(atol(argv[2]) * 1000);
		return sleep_for_good();
	}
	if (argc == 3 && !strcmp(argv[1], "ends"))
		return ends(atoi(argv[2]), end);
	if (argc == 3 && !strcmp(argv[1], "brief"))
		return ends(atoi(argv[2]), end_at_once);
	if (argc == 2 && !strcmp(argv[1], "last")) {
		prctl(PR_SET_NAME, "rt-cpu-ends");
		work();
		return 0;
	}
	return 2;
}
