// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * crowd FOLDER GROUPS THREADS: as many processes as groups, each in a control group of its own
 * below FOLDER, and as many threads in all of them together. Writes "ready" and keeps them until
 * its standard input ends.
 */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define STACK_BYTES (16 * 1024)

static void *wait_for_ever(void *unused)
{
	for (;;)
		pause();
	return unused;
}

static void group_path(char *path, size_t size, const char *folder, int group, const char *file)
{
	snprintf(path, size, "%s/group-%d%s", folder, group, file);
}

/* The process of a group: says by a byte on `ready` that its threads run. */
static void run(const char *folder, int group, int threads, int ready)
{
	pthread_attr_t attributes;
	char path[4096];
	FILE *file;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	group_path(path, sizeof(path), folder, group, "/cgroup.procs");
	file = fopen(path, "w");
	if (!file || fprintf(file, "%d", getpid()) < 0 || fclose(file))
		_exit(1);
	pthread_attr_init(&attributes);
	pthread_attr_setstacksize(&attributes, STACK_BYTES);
	for (int i = 1; i < threads; i++) {
		pthread_t thread;

		if (pthread_create(&thread, &attributes, wait_for_ever, NULL))
			_exit(1);
	}
	if (write(ready, "", 1) != 1)
		_exit(1);
	wait_for_ever(NULL);
}

int main(int argc, char **argv)
{
	int groups = argc == 4 ? atoi(argv[2]) : 0;
	int threads = argc == 4 ? atoi(argv[3]) : 0;
	pid_t *pids = calloc(groups + 1, sizeof(*pids));
	int status = groups < 1 || !pids;
	int ready[2];
	char byte, path[4096];

	if (status || pipe(ready))
		return 1;
	for (int i = 0; i < groups && !status; i++) {
		group_path(path, sizeof(path), argv[1], i, "");
		mkdir(path, 0755);
		pids[i] = fork();
		if (pids[i] == 0)
			run(argv[1], i, threads / groups, ready[1]);
		status = pids[i] < 0 || read(ready[0], &byte, 1) != 1;
	}
	if (!status) {
		puts("ready");
		fflush(stdout);
		while (read(0, &byte, 1) > 0)
			;
	}
	for (int i = 0; i < groups && pids[i] > 0; i++)
		kill(pids[i], SIGKILL);
	while (wait(NULL) > 0)
		;
	for (int i = 0; i < groups; i++) {
		group_path(path, sizeof(path), argv[1], i, "");
		rmdir(path);
	}
	return status;
}
