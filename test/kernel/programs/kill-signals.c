/*
 * A process that sends POSIX signals to another one by all calls there are, and what the kernel
 * sends beside them. Prints the ids of both. Each signal that is handled has been before the next
 * is sent, so that none is lost to one that is pending.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

static int handled[2];

static void handle(int number)
{
	char byte = (char)number;

	if (write(handled[1], &byte, 1) != 1)
		_exit(3);
}

static void wait_until_handled(void)
{
	char byte;

	if (read(handled[0], &byte, 1) != 1)
		exit(4);
}

/*
 * Handles SIGUSR1 and SIGALRM, blocks SIGUSR2, ignores SIGWINCH; sets a timer three times, then
 * waits for its end.
 */
static void receive(void)
{
	const struct itimerval soon = { .it_value = { .tv_usec = 1000 } };
	sigset_t blocked, all, none;

	prctl(PR_SET_NAME, "rt-kill-target");
	signal(SIGUSR1, handle);
	signal(SIGALRM, handle);
	signal(SIGWINCH, SIG_IGN);
	sigemptyset(&none);
	sigaddset(&none, SIGUSR2);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGUSR2);
	sigaddset(&blocked, SIGALRM);
	sigprocmask(SIG_BLOCK, &blocked, &all);
	for (int i = 0; i < 3; i++) {
		setitimer(ITIMER_REAL, &soon, NULL);
		sigsuspend(&none);
	}
	for (;;)
		sigsuspend(&none);
}

/* Reads where nothing is. */
static void fault(void)
{
	static const volatile int *volatile nowhere;

	prctl(PR_SET_NAME, "rt-kill-fault");
	_exit(*nowhere);
}

int main(void)
{
	pid_t target, child;

	prctl(PR_SET_NAME, "rt-kill-sender");
	if (pipe(handled))
		return 1;
	target = fork();
	if (target == 0)
		receive();
	for (int i = 0; i < 3; i++)
		wait_until_handled();
	for (int i = 0; i < 20; i++) {
		kill(target, SIGUSR1);
		wait_until_handled();
	}
	for (int i = 0; i < 5; i++) {
		syscall(SYS_tgkill, target, target, SIGUSR1);
		wait_until_handled();
	}
	for (int i = 0; i < 4; i++) {
		sigqueue(target, SIGUSR1, (union sigval){ .sival_int = i });
		wait_until_handled();
	}
	for (int i = 0; i < 6; i++)
		kill(target, SIGUSR2);
	for (int i = 0; i < 7; i++)
		kill(target, SIGWINCH);
	for (int i = 0; i < 9; i++)
		kill(target, 0);
	kill(target, SIGKILL);
	waitpid(target, NULL, 0);
	child = fork();
	if (child == 0)
		fault();
	waitpid(child, NULL, 0);
	printf("%d %d\n", getpid(), target);
	return 0;
}
