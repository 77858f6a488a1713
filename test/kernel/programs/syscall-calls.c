/*
 * System calls in exact numbers, for test/kernel/signals/syscall/syscall.test.ts.
 *
 *   syscall-calls count GETPPID OPENAT   so many getppid, so many openat that fail with ENOENT
 *   syscall-calls turns COUNT SLEEPS     so many getppid and getuid in turn, then nanosleep of 2 ms
 *   syscall-calls compat COUNT           getppid and failing close, by the 32-bit table (x86)
 *   syscall-calls refused COUNT          so many getppid that seccomp refuses with EPERM
 *   syscall-calls refused-twice N MORE   N before "ready", MORE after the end of standard input
 *   syscall-calls unnamed                number 600 three times, 1023 once, 123456 twice
 *   syscall-calls filtered               for the filters: see filtered()
 *   syscall-calls mixed                  all sorts: see mixed()
 *   syscall-calls roam COUNT             two processes wait for each other on all CPUs: see roam()
 *   syscall-calls rivals COUNT           on one CPU, two processes: see rivals()
 *
 * Each prints "ready", waits for the end of standard input and begins; then prints the pids of its
 * processes, one a line.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void getppid_times(int count)
{
	for (int i = 0; i < count; i++)
		syscall(SYS_getppid);
}

static void count(char **args)
{
	getppid_times(atoi(args[0]));
	for (int i = 0; i < atoi(args[1]); i++)
		open("/nonexistent/file", O_RDONLY);
}

static void turns(char **args)
{
	struct timespec pause = { .tv_nsec = 2000000 };

	for (int i = 0; i < atoi(args[0]); i++) {
		syscall(SYS_getppid);
		syscall(SYS_getuid);
	}
	for (int i = 0; i < atoi(args[1]); i++)
		syscall(SYS_nanosleep, &pause, NULL);
}

#if defined(__x86_64__)
static void compat(int count)
{
	for (int i = 0; i < count; i++) {
		int number = 64; /* getppid */

		__asm__ volatile("int $0x80" : "+a"(number)::"memory");
		number = 6; /* close */
		__asm__ volatile("int $0x80" : "+a"(number) : "b"(-1) : "memory");
	}
}
#else
static void compat(int count)
{
}
#endif

static void refuse(int number)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || prctl(PR_SET_SECCOMP, 2, &filter))
		exit(1);
}

static void refused(int count)
{
	refuse(SYS_getppid);
	getppid_times(count);
}

static void unnamed(void)
{
	for (int i = 0; i < 3; i++)
		syscall(600);
	syscall(1023);
	syscall(123456);
	syscall(123456);
}

/* 30 getppid, 20 failing close, 4 sleeps of 20 ms; from a thread of another name 10 getuid. */
static void *ten_getuid(void *unused)
{
	prctl(PR_SET_NAME, "worker");
	for (int i = 0; i < 10; i++)
		syscall(SYS_getuid);
	return unused;
}

static void filtered(void)
{
	struct timespec nap = { .tv_nsec = 20 * 1000 * 1000 };
	pthread_t thread;

	getppid_times(30);
	for (int i = 0; i < 20; i++)
		close(-1);
	for (int i = 0; i < 4; i++)
		clock_nanosleep(CLOCK_MONOTONIC, 0, &nap, NULL);
	pthread_create(&thread, NULL, ten_getuid, NULL);
	pthread_join(thread, NULL);
}

static void on_alarm(int signal)
{
}

static void alarm_after(int milliseconds)
{
	struct itimerval timer = { .it_value.tv_usec = 1000 * milliseconds };

	setitimer(ITIMER_REAL, &timer, NULL);
}

/* Announces a child of ours. */
static void announce(pid_t child)
{
	char line[16];
	int length = snprintf(line, sizeof(line), "%d\n", child);

	if (write(STDOUT_FILENO, line, length) != length)
		exit(1);
}

/* A signal in the middle of calls that are restarted, and of calls that are not. */
static void interrupted(void)
{
	struct sigaction restart = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct timespec nap = { .tv_nsec = 60 * 1000 * 1000 };
	int ends[2];
	pid_t writer;
	char byte;

	sigaction(SIGALRM, &restart, NULL);
	alarm_after(20);
	pause();
	alarm_after(20);
	nanosleep(&nap, NULL);
	if (pipe(ends))
		exit(1);
	writer = fork();
	if (writer == 0) {
		nanosleep(&nap, NULL);
		_exit(write(ends[1], "x", 1) == 1 ? 0 : 1);
	}
	announce(writer);
	alarm_after(20);
	if (read(ends[0], &byte, 1) != 1)
		exit(1);
	wait(NULL);
}

static void *in_thread(void *unused)
{
	getppid_times(100);
	return unused;
}

/* Runs a step in a child of its own, and waits for it. */
static void in_child(void (*step)(void))
{
	pid_t child = fork();

	if (child == 0) {
		step();
		_exit(0);
	}
	announce(child);
	waitpid(child, NULL, 0);
}

static void threads(void)
{
	pthread_t all[3];

	for (int i = 0; i < 3; i++)
		pthread_create(&all[i], NULL, in_thread, NULL);
	for (int i = 0; i < 3; i++)
		pthread_join(all[i], NULL);
}

static void executes(void)
{
	execl("/nonexistent/program", "program", NULL);
	execl("/bin/true", "true", NULL);
}

/* The first thread has come back from pthread_create(). */
static atomic_bool is_back;

static void *executes_in_thread(void *unused)
{
	while (!is_back)
		;
	execl("/bin/true", "true", NULL);
	return unused;
}

/*
 * The thread takes over its process's pid. The first thread is in no call meanwhile: one that is
 * cut short by its death ends with a restart code, which a tracer of a dying thread does not get to
 * see; so the thread waits until the one that makes it has returned.
 */
static void thread_executes(void)
{
	pthread_t thread;

	pthread_create(&thread, NULL, executes_in_thread, NULL);
	is_back = true;
	for (;;)
		__asm__ volatile("");
}

static void mixed(void)
{
	getppid_times(50);
	for (int i = 0; i < 7; i++)
		close(-1);
	open("/etc/passwd", O_WRONLY | O_CREAT | O_EXCL);
	in_child(interrupted);
	in_child(threads);
	in_child(executes);
	in_child(thread_executes);
}

/* Reads a byte and writes it on, `count` times, each time on the next CPU. */
static void pass_on(int from, int to, int count)
{
	int cpus = sysconf(_SC_NPROCESSORS_ONLN);
	cpu_set_t cpu;
	char byte;
	struct iovec one = { .iov_base = &byte, .iov_len = 1 };

	for (int i = 0; i < count; i++) {
		CPU_ZERO(&cpu);
		CPU_SET(i % cpus, &cpu);
		sched_setaffinity(0, sizeof(cpu), &cpu);
		if (readv(from, &one, 1) != 1 || writev(to, &one, 1) != 1)
			exit(1);
	}
}

/*
 * A byte goes to and fro: each process makes `count` times sched_setaffinity, readv and writev. The
 * reads wait, with other calls being made on the same CPU meanwhile.
 */
static void roam(int count)
{
	int there[2], back[2];
	pid_t child;

	if (pipe(there) || pipe(back) || write(back[1], "x", 1) != 1)
		exit(1);
	child = fork();
	if (child == 0) {
		pass_on(there[0], back[1], count);
		_exit(0);
	}
	announce(child);
	pass_on(back[0], there[1], count);
	waitpid(child, NULL, 0);
}

static void getppid_and_getuid_times(int count)
{
	for (int i = 0; i < count; i++) {
		syscall(SYS_getppid);
		syscall(SYS_getuid);
	}
}

/*
 * Each makes `count` getppid, and as many getuid, which seccomp refuses. None waits: the scheduler
 * takes the CPU from them in the middle of their calls.
 */
static void rivals(int count)
{
	cpu_set_t cpu;
	pid_t child;

	CPU_ZERO(&cpu);
	CPU_SET(sched_getcpu(), &cpu);
	sched_setaffinity(0, sizeof(cpu), &cpu);
	refuse(SYS_getuid);
	child = fork();
	if (child == 0) {
		getppid_and_getuid_times(count);
		_exit(0);
	}
	announce(child);
	getppid_and_getuid_times(count);
	waitpid(child, NULL, 0);
}

int main(int argc, char **argv)
{
	char byte;

	if (argc < 2)
		return 2;
	if (!strcmp(argv[1], "refused-twice"))
		refused(atoi(argv[2]));
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	announce(getpid());
	if (!strcmp(argv[1], "count"))
		count(argv + 2);
	else if (!strcmp(argv[1], "turns"))
		turns(argv + 2);
	else if (!strcmp(argv[1], "compat"))
		compat(atoi(argv[2]));
	else if (!strcmp(argv[1], "refused-twice"))
		getppid_times(atoi(argv[3]));
	else if (!strcmp(argv[1], "refused"))
		refused(atoi(argv[2]));
	else if (!strcmp(argv[1], "unnamed"))
		unnamed();
	else if (!strcmp(argv[1], "filtered"))
		filtered();
	else if (!strcmp(argv[1], "roam"))
		roam(atoi(argv[2]));
	else if (!strcmp(argv[1], "rivals"))
		rivals(atoi(argv[2]));
	else
		mixed();
	return 0;
}
