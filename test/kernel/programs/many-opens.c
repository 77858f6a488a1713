/*
 * Opens in exact numbers by many processes, for test/kernel/signals/file-counts.test.ts.
 *
 *   many-opens together PROCESSES THREADS OK FAILED   each thread of each process opens so often,
 *                                                     all at the same time
 *   many-opens short PROCESSES FAILED                 processes that live for nothing else, one
 *                                                     after the other
 *   many-opens reused ROUNDS                          in each round two processes with one pid:
 *                                                     opens-a fails 7 times, opens-b 11 times
 *   many-opens names PROGRAM                          one process fails 7 times by its first name,
 *                                                     twice in a thread of another name, 5 times
 *                                                     as opens-b, and becomes PROGRAM
 *   many-opens fails FAILED                           fails so often
 *
 * An open that fails ends with EXDEV, which no one else's does. Prints "ready", waits for the end
 * of standard input and begins; prints the pids of the processes.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void fail(int count)
{
	struct open_how how = { .flags = O_RDONLY, .resolve = RESOLVE_BENEATH };

	for (int i = 0; i < count; i++) {
		if (syscall(SYS_openat2, AT_FDCWD, "/", &how, sizeof(how)) >= 0 || errno != EXDEV)
			_exit(1);
	}
}

struct work {
	int ok, failed;
};

static void *work(void *argument)
{
	struct work *work = argument;

	for (int i = 0; i < work->ok || i < work->failed; i++) {
		if (i < work->ok)
			close(open("/dev/null", O_RDONLY));
		if (i < work->failed)
			fail(1);
	}
	return NULL;
}

static void together(int processes, int threads, struct work each)
{
	pthread_t ids[64];

	for (int process = 0; process < processes; process++) {
		if (fork() != 0)
			continue;
		dprintf(1, "%d\n", getpid());
		for (int i = 1; i < threads; i++)
			pthread_create(&ids[i], NULL, work, &each);
		work(&each);
		for (int i = 1; i < threads; i++)
			pthread_join(ids[i], NULL);
		_exit(0);
	}
	while (wait(NULL) > 0)
		;
}

static void in_turn(int processes, int failed)
{
	while (processes-- > 0) {
		if (fork() == 0) {
			fail(failed);
			_exit(0);
		}
		wait(NULL);
	}
}

static pid_t with_pid(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = pid ? (uintptr_t)&pid : 0,
		.set_tid_size = pid ? 1 : 0,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

static void reused(int rounds)
{
	pid_t pid = 0, child;

	for (int i = 0; i < 2 * rounds; i++) {
		while ((child = with_pid(pid)) < 0 && errno == EEXIST)
			;
		if (child < 0)
			_exit(1);
		if (child == 0) {
			prctl(PR_SET_NAME, i % 2 ? "opens-b" : "opens-a");
			fail(i % 2 ? 11 : 7);
			_exit(0);
		}
		pid = child;
		waitpid(child, NULL, 0);
	}
}

static void *in_named_thread(void *unused)
{
	prctl(PR_SET_NAME, "opens-thread");
	fail(2);
	return unused;
}

static void names(char *program)
{
	char *const args[] = { program, "fails", "3", NULL };
	pthread_t thread;

	dprintf(1, "%d\n", getpid());
	fail(7);
	pthread_create(&thread, NULL, in_named_thread, NULL);
	pthread_join(thread, NULL);
	/* Longer, then shorter: before Linux 5.17 the rest of the name stays behind its end. */
	prctl(PR_SET_NAME, "opens-very-long");
	fail(1);
	prctl(PR_SET_NAME, "opens-b");
	fail(5);
	execv(program, args);
	_exit(1);
}

static int number(int argc, char **argv, int index)
{
	return index < argc ? atoi(argv[index]) : 0;
}

int main(int argc, char **argv)
{
	char byte;

	if (argc < 3)
		return 1;
	if (!strcmp(argv[1], "fails")) {
		fail(number(argc, argv, 2));
		return 0;
	}
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	if (!strcmp(argv[1], "together"))
		together(number(argc, argv, 2), number(argc, argv, 3),
			 (struct work){ number(argc, argv, 4), number(argc, argv, 5) });
	else if (!strcmp(argv[1], "short"))
		in_turn(number(argc, argv, 2), number(argc, argv, 3));
	else if (!strcmp(argv[1], "reused"))
		reused(number(argc, argv, 2));
	else
		names(argv[2]);
	return 0;
}
