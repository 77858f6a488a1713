/*
 * Processes that have one pid, one after the other, for test/kernel/signals/syscall/reuse.test.ts.
 *
 *   reused-pid ROUNDS PAUSE [A B]
 *
 * In each round two processes get the same pid: one named reuse-a, which makes 7 (or A) calls of
 * getppid and 2 of dup, and one named reuse-b, which makes 11 (or B) of getuid and 3 of fsync; dup
 * and fsync fail. Both make as many of gettid as of the first.
 * The last one of all waits for the end of standard input before it exits. PAUSE milliseconds pass
 * between rounds. Prints "ready" and the pid when the last one has made its calls.
 */
#include <errno.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t with_pid(pid_t pid)
{
	struct clone_args args = {
		.exit_signal = SIGCHLD,
		.set_tid = pid ? (uintptr_t)&pid : 0,
		.set_tid_size = pid ? 1 : 0,
	};

	return syscall(SYS_clone3, &args, sizeof(args));
}

static void work(const char *name, int call, int calls, int failure, int failures)
{
	prctl(PR_SET_NAME, name);
	for (int i = 0; i < calls; i++) {
		syscall(call);
		syscall(SYS_gettid);
	}
	for (int i = 0; i < failures; i++)
		syscall(failure, -1);
}

int main(int argc, char **argv)
{
	int rounds = argc > 2 ? atoi(argv[1]) : 0, pause = argc > 2 ? atoi(argv[2]) : 0;
	int a = argc > 4 ? atoi(argv[3]) : 7, b = argc > 4 ? atoi(argv[4]) : 11;
	pid_t pid = 0, child;
	char end;

	for (int i = 0; i < 2 * rounds; i++) {
		while ((child = with_pid(pid)) < 0 && errno == EEXIST)
			;
		if (child < 0) {
			perror("clone3");
			return 1;
		}
		if (child == 0) {
			if (i % 2)
				work("reuse-b", SYS_getuid, b, SYS_fsync, 3);
			else
				work("reuse-a", SYS_getppid, a, SYS_dup, 2);
			if (i == 2 * rounds - 1) {
				dprintf(1, "ready\n%d\n", getpid());
				while (read(0, &end, 1) > 0)
					;
			}
			_exit(0);
		}
		pid = child;
		if (i < 2 * rounds - 1)
			waitpid(child, NULL, 0);
		if (i % 2)
			usleep(1000 * pause);
	}
	waitpid(pid, NULL, 0);
	return 0;
}
