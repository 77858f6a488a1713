/*
 * Opens in exact numbers, for test/kernel/signals/file.test.ts.
 *
 *   file-opens outcomes FOLDER   by all four system calls, with many outcomes: see outcomes()
 *   file-opens paths FOLDER      paths and flags of interest, each opened once: see paths()
 *   file-opens answered FOLDER   by seccomp, in place of the kernel: see answered()
 *
 * Works in FOLDER, which must be empty. Prints "ready", waits for the end of standard input and
 * begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/openat2.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

/* Makes a call `count` times; it must end with this errno each time. */
#define TIMES(count, error, call)         \
	for (int i = 0; i < (count); i++) \
	expect(error, call, #call)

static void expect(int error, long result, const char *call)
{
	if (error != (result < 0 ? errno : 0)) {
		fprintf(stderr, "%s: got errno %d, not %d\n", call, errno, error);
		exit(1);
	}
	if (result >= 0)
		close(result);
}

/* As the call takes them, without what libc adds. arm64 has openat(2) only. */
static long raw_open(const char *path, int flags)
{
#ifdef SYS_open
	return syscall(SYS_open, path, flags, 0600);
#else
	return syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
#endif
}

static long raw_creat(const char *path)
{
#ifdef SYS_creat
	return syscall(SYS_creat, path, 0600);
#else
	return syscall(SYS_openat, AT_FDCWD, path, O_CREAT | O_WRONLY | O_TRUNC, 0600);
#endif
}

static long raw_openat(const char *path, int flags)
{
	return syscall(SYS_openat, AT_FDCWD, path, flags, 0600);
}

static long raw_openat2(const char *path, int flags, int resolve)
{
	struct open_how how = { .flags = flags, .resolve = resolve };

	return syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
}

#if defined(__x86_64__)
/* Through the 32-bit table, to which a pointer has 32 bits. */
static long compat_open(const char *path, int flags)
{
	char *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			 MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	int result = 5;

	strcpy(low, path);
	__asm__ volatile("int $0x80" : "+a"(result) : "b"(low), "c"(flags), "d"(0600) : "memory");
	munmap(low, 4096);
	errno = -result;
	return result < 0 ? -1 : result;
}
#else
static long compat_open(const char *path, int flags)
{
	return raw_openat(path, flags);
}
#endif

static void on_alarm(int signal)
{
}

/* An open that waits for a writer, and is interrupted and restarted meanwhile. */
static void interrupted(void)
{
	struct sigaction restart = { .sa_handler = on_alarm, .sa_flags = SA_RESTART };
	struct itimerval timer = { .it_value.tv_usec = 20000, .it_interval.tv_usec = 20000 };

	mkfifo("fifo", 0600);
	if (fork() == 0) {
		usleep(100000);
		expect(0, raw_openat("fifo", O_WRONLY), "writer");
		_exit(0);
	}
	sigaction(SIGALRM, &restart, NULL);
	setitimer(ITIMER_REAL, &timer, NULL);
	expect(0, raw_openat("fifo", O_RDONLY), "reader");
	memset(&timer, 0, sizeof(timer));
	setitimer(ITIMER_REAL, &timer, NULL);
	wait(NULL);
}

static void outcomes(void)
{
	TIMES(5, 0, raw_creat("file"));
	TIMES(10, 0, raw_open("file", O_RDONLY));
	TIMES(20, 0, raw_openat("file", O_RDWR));
	TIMES(40, 0, raw_openat2("file", O_RDONLY, 0));
	TIMES(3, 0, compat_open("file", O_RDONLY));
	TIMES(7, ENOENT, raw_openat("nothing", O_RDONLY));
	TIMES(2, ENOENT, compat_open("nothing", O_RDONLY));
	TIMES(4, EEXIST, raw_open("file", O_CREAT | O_EXCL | O_WRONLY));
	TIMES(6, EISDIR, raw_creat("."));
	TIMES(8, EXDEV, raw_openat2("/etc/passwd", O_RDONLY, RESOLVE_BENEATH));
	TIMES(9, EFAULT, raw_open(NULL, O_RDONLY));
	interrupted();
}

static void paths(void)
{
	char name[256];

	TIMES(1, ENOENT, raw_openat("/nonexistent/file", O_RDONLY | O_CLOEXEC));
	TIMES(1, 0, raw_creat("new"));
	TIMES(1, 0, raw_open(".", O_DIRECTORY | O_NOFOLLOW));
	TIMES(1, 0, raw_openat2("new", O_WRONLY | O_APPEND, 0));
	TIMES(1, 0, compat_open("new", O_RDWR));
	TIMES(1, ENOENT, raw_openat("a \"b\"\n\xff", O_RDONLY));
	TIMES(1, EFAULT, raw_openat(NULL, O_RDONLY));
	memset(name, 'x', sizeof(name));
	name[255] = 0;
	TIMES(1, ENOENT, raw_openat(name, O_RDONLY));
	name[255] = 'x';
	TIMES(1, ENAMETOOLONG, raw_openat(strndup(name, 256), O_RDONLY));
}

/* A child's opens are answered so. */
static void answer(unsigned int action, int count)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_openat, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = 4, .filter = code };

	if (fork() == 0) {
		signal(SIGSYS, on_alarm);
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
		    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
			_exit(1);
		for (int i = 0; i < count; i++)
			raw_openat("nothing", O_RDONLY);
		_exit(0);
	}
	wait(NULL);
}

static void answered(void)
{
	answer(SECCOMP_RET_ERRNO, 10);
	answer(SECCOMP_RET_ERRNO | EPERM, 20);
	answer(SECCOMP_RET_TRAP, 30);
}

int main(int argc, char **argv)
{
	char byte;

	if (argc < 3 || chdir(argv[2]) || write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	if (!strcmp(argv[1], "outcomes"))
		outcomes();
	else if (!strcmp(argv[1], "answered"))
		answered();
	else
		paths();
	return 0;
}
