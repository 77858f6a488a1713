/*
 * Does one thing a known number of times, by its first argument: what the signals of
 * docs/examples/cookbook count. Prints what it knows besides.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static void must(int holds, const char *what)
{
	if (!holds) {
		perror(what);
		exit(1);
	}
}

static int create(const char *path, int flags)
{
	int fd = open(path, O_RDWR | O_CREAT | flags, 0600);

	must(fd >= 0, path);
	return fd;
}

/* Writes to a file and waits for the disk, so many times. */
static void fsyncs(const char *path, int times)
{
	int fd = create(path, 0);

	for (int i = 0; i < times; i++) {
		must(write(fd, "x", 1) == 1, "write");
		must(fsync(fd) == 0, "fsync");
	}
}

/* Fills 64 pages one by one, and has them leave the page cache. */
static void evictions(const char *path)
{
	static char page[4096];
	int fd = create(path, 0);

	for (int i = 0; i < 64; i++)
		must(pwrite(fd, page, sizeof(page), i * sizeof(page)) == sizeof(page), "pwrite");
	must(fsync(fd) == 0, "fsync");
	must(posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED) == 0, "fadvise");
}

/* Writes 25 blocks past the page cache. */
static void disk(const char *path)
{
	void *block = NULL;
	int fd = create(path, 0);

	must(posix_memalign(&block, 4096, 4096) == 0, "memalign");
	memset(block, 1, 4096);
	for (int i = 0; i < 25; i++)
		must(pwrite(fd, block, 4096, i * 4096L) == 4096, "pwrite");
	must(fsync(fd) == 0, "fsync");
	must(fcntl(fd, F_SETFL, O_DIRECT) == 0, "O_DIRECT");
	prctl(PR_SET_NAME, "rt-disk-direct");
	for (int i = 0; i < 25; i++)
		must(pwrite(fd, block, 4096, i * 4096L) == 4096, "pwrite");
	prctl(PR_SET_NAME, "rt-disk");
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	must(sched_setaffinity(0, sizeof(set), &set) == 0, "affinity");
}

static void migrations(void)
{
	pin(0);
	prctl(PR_SET_NAME, "rt-moves");
	for (int i = 0; i < 20; i++)
		pin(1 - i % 2);
	prctl(PR_SET_NAME, "rt-moved");
}

/* Sleeps 50 times; prints how often it has given up its processor, and has been preempted. */
static void run_queue(void)
{
	struct rusage before, after;

	prctl(PR_SET_NAME, "rt-sleeps");
	getrusage(RUSAGE_SELF, &before);
	for (int i = 0; i < 50; i++)
		usleep(2000);
	getrusage(RUSAGE_SELF, &after);
	prctl(PR_SET_NAME, "rt-slept");
	printf("%ld %ld\n", after.ru_nvcsw - before.ru_nvcsw, after.ru_nivcsw - before.ru_nivcsw);
}

static struct sockaddr_in loopback(int port)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	return address;
}

static void drops(void)
{
	struct sockaddr_in to = loopback(4099);
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	for (int i = 0; i < 30; i++)
		must(sendto(fd, "x", 1, 0, (void *)&to, sizeof(to)) == 1, "sendto");
}

static void overflows(void)
{
	static char bytes[1000];
	struct sockaddr_in to = loopback(4100);
	int from = socket(AF_INET, SOCK_DGRAM, 0), sink = socket(AF_INET, SOCK_DGRAM, 0);
	int size = 4096, received = 0;

	must(setsockopt(sink, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)) == 0, "SO_RCVBUF");
	must(bind(sink, (void *)&to, sizeof(to)) == 0, "bind");
	for (int i = 0; i < 100; i++)
		must(sendto(from, bytes, sizeof(bytes), 0, (void *)&to, sizeof(to)) > 0, "sendto");
	while (recv(sink, bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
		received++;
	printf("%d\n", 100 - received);
}

static void resets(void)
{
	struct sockaddr_in to = loopback(4101);

	for (int i = 0; i < 8; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		must(connect(fd, (void *)&to, sizeof(to)) < 0 && errno == ECONNREFUSED, "connect");
		close(fd);
	}
}

static int listener(int port, int backlog)
{
	struct sockaddr_in address = loopback(port);
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	must(bind(fd, (void *)&address, sizeof(address)) == 0, "bind");
	must(listen(fd, backlog) == 0, "listen");
	return fd;
}

/* Opens five connections, closes two, and waits until it is killed. */
static void connections(void)
{
	struct sockaddr_in to = loopback(4102);
	int server = listener(4102, 16), clients[5];
	char byte;

	for (int i = 0; i < 5; i++) {
		int accepted;

		clients[i] = socket(AF_INET, SOCK_STREAM, 0);
		must(connect(clients[i], (void *)&to, sizeof(to)) == 0, "connect");
		accepted = accept(server, NULL, NULL);
		must(accepted >= 0, "accept");
		if (i < 2) {
			close(clients[i]);
			must(read(accepted, &byte, 1) == 0, "read");
		}
	}
	printf("ready\n");
	fflush(stdout);
	pause();
}

/* The queue of a listener holds one connection: who comes then has to ask again after a second. */
static void retransmits(void)
{
	struct sockaddr_in to = loopback(4103);
	int server = listener(4103, 0);

	for (int i = 0; i < 3; i++) {
		int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

		must(connect(fd, (void *)&to, sizeof(to)) == 0 || errno == EINPROGRESS, "connect");
		usleep(20000);
	}
	usleep(1300000);
	close(server);
}

static void ignored(int number)
{
	(void)number;
}

static void kills(void)
{
	signal(SIGUSR1, ignored);
	for (int i = 0; i < 20; i++)
		kill(getpid(), SIGUSR1);
}

static void modules(void)
{
	for (int i = 0; i < 3; i++)
		must(syscall(SYS_finit_module, -1, "", 0) < 0, "finit_module");
	printf("%d", -errno);
	for (int i = 0; i < 2; i++)
		must(syscall(SYS_delete_module, "no_such", O_NONBLOCK) < 0, "delete_module");
	printf(" %d\n", -errno);
}

static void mounts(const char *folder)
{
	must(unshare(CLONE_NEWNS) == 0, "unshare");
	must(mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0, "private");
	for (int i = 0; i < 4; i++)
		must(mount("none", folder, "tmpfs", 0, NULL) == 0, "tmpfs");
	must(mount("none", folder, "no-such-fs", 0, NULL) < 0, "no-such-fs");
}

static void setuids(void)
{
	must(setuid(12345) == 0, "setuid");
	for (int i = 0; i < 2; i++)
		must(setuid(0) < 0, "setuid 0");
}

static void capabilities(void)
{
	must(setuid(65534) == 0, "setuid");
	for (int i = 0; i < 6; i++)
		must(chroot("/") < 0, "chroot");
}

static void ptraces(void)
{
	must(ptrace(PTRACE_TRACEME, 0, 0, 0) == 0, "traceme");
	for (int i = 0; i < 5; i++)
		must(ptrace(PTRACE_PEEKDATA, getpid(), 0, 0) < 0, "peek");
}

static void execs(void)
{
	for (int i = 0; i < 3; i++) {
		pid_t pid = fork();

		if (pid == 0) {
			execl("/bin/true", "true", NULL);
			_exit(1);
		}
		waitpid(pid, NULL, 0);
	}
}

static void *nothing(void *none)
{
	return none;
}

static void forks(void)
{
	pthread_t thread;

	for (int i = 0; i < 9; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(0);
		waitpid(pid, NULL, 0);
	}
	for (int i = 0; i < 4; i++) {
		must(pthread_create(&thread, NULL, nothing, NULL) == 0, "thread");
		pthread_join(thread, NULL);
	}
}

static void cgroups(const char *folder)
{
	char path[4][512];

	for (int i = 0; i < 4; i++) {
		snprintf(path[i], sizeof(path[i]), "%s/ringtap-cookbook-%d-%d", folder, getpid(),
			 i);
		must(mkdir(path[i], 0700) == 0, path[i]);
	}
	for (int i = 0; i < 4; i++) {
		if (i == 3) {
			/* So that it is still there when the test reads. */
			printf("%s\n", path[i]);
			continue;
		}
		must(rmdir(path[i]) == 0, path[i]);
	}
}

/* Takes more memory than its control group may have. */
static void memory(const char *folder)
{
	char path[512];
	FILE *procs;

	snprintf(path, sizeof(path), "%s/cgroup.procs", folder);
	procs = fopen(path, "w");
	must(procs != NULL, path);
	fprintf(procs, "%d\n", getpid());
	must(fclose(procs) == 0, path);
	/* Nothing of it can be swapped out. */
	must(mlockall(MCL_FUTURE) == 0, "mlockall");
	for (;;)
		memset(malloc(1 << 20), 1, 1 << 20);
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "", *path = argc > 2 ? argv[2] : "";

	if (!strcmp(what, "fsyncs"))
		fsyncs(path, atoi(argv[3]));
	else if (!strcmp(what, "evictions"))
		evictions(path);
	else if (!strcmp(what, "disk"))
		disk(path);
	else if (!strcmp(what, "migrations"))
		migrations();
	else if (!strcmp(what, "run-queue"))
		run_queue();
	else if (!strcmp(what, "drops"))
		drops();
	else if (!strcmp(what, "overflows"))
		overflows();
	else if (!strcmp(what, "resets"))
		resets();
	else if (!strcmp(what, "connections"))
		connections();
	else if (!strcmp(what, "retransmits"))
		retransmits();
	else if (!strcmp(what, "kills"))
		kills();
	else if (!strcmp(what, "modules"))
		modules();
	else if (!strcmp(what, "mounts"))
		mounts(path);
	else if (!strcmp(what, "setuids"))
		setuids();
	else if (!strcmp(what, "capabilities"))
		capabilities();
	else if (!strcmp(what, "ptraces"))
		ptraces();
	else if (!strcmp(what, "execs"))
		execs();
	else if (!strcmp(what, "forks"))
		forks();
	else if (!strcmp(what, "cgroups"))
		cgroups(path);
	else if (!strcmp(what, "memory"))
		memory(path);
	else
		return 2;
	return 0;
}
