/*
 * two-stints: for test/kernel/signals/cgroup.test.ts, does the same twice, before it says "ready"
 * and after the end of its standard input: 7 opens of what is not there and 100 calls of getppid.
 * An argument changes that:
 *
 * once leaves out the first time leaderless the same, from a second thread, after the first has
 * exited into FOLDER from a child that is born into the control group of that folder, at once
 */
#include <fcntl.h>
#include <linux/sched.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static int work(void)
{
	for (int i = 0; i < 7; i++)
		if (open("/nowhere/at/all", O_RDONLY) >= 0)
			return 1;
	for (int i = 0; i < 100; i++)
		syscall(SYS_getppid);
	return 0;
}

static int work_when_asked(void)
{
	char byte;

	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return work();
}

/* The state of the first thread, as /proc shows it: Z when it has exited. */
static int leader_has_exited(void)
{
	char text[256] = "";
	int fd = open("/proc/self/stat", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text) - 1) <= 0)
		exit(1);
	close(fd);
	return !strncmp(strrchr(text, ')'), ") Z", 3);
}

static void *second(void *unused)
{
	while (!leader_has_exited())
		usleep(1000);
	exit(work_when_asked());
	return unused;
}

static int born_into(const char *folder)
{
	int status, fd = open(folder, O_DIRECTORY);
	struct clone_args args = {
		.flags = CLONE_INTO_CGROUP,
		.exit_signal = SIGCHLD,
		.cgroup = (uint64_t)fd,
	};
	pid_t child = syscall(SYS_clone3, &args, sizeof(args));

	if (child == 0)
		_exit(work());
	return fd < 0 || child < 0 || waitpid(child, &status, 0) != child || status;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc > 2 && !strcmp(argv[1], "into"))
		return born_into(argv[2]);
	if (argc > 1 && !strcmp(argv[1], "leaderless")) {
		if (pthread_create(&thread, NULL, second, NULL))
			return 1;
		pthread_exit(NULL);
	}
	if (argc < 2 && work())
		return 1;
	return work_when_asked();
}
