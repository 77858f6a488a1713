// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what calls cost their caller, in nanoseconds of CPU time: one line "NAME NANOSECONDS"
 * each, the median of bursts. In a guest whose clock counts instructions, these are instructions.
 *
 *   calls BURSTS CALLS
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static double cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1e9 + used.tv_nsec;
}

/* Concerns no signal but `syscall`. */
static void getppid_call(void)
{
	syscall(SYS_getppid);
}

/* Fails: an open that `file` counts. */
static void openat_call(void)
{
	syscall(SYS_openat, AT_FDCWD, "/nowhere", O_RDONLY);
}

/* Fails: no socket, so that `tcp` finds none. */
static void connect_call(void)
{
	syscall(SYS_connect, STDOUT_FILENO, NULL, 0);
}

static int zeros, client, server;

/* No socket, but a call of those that `l7` knows. */
static void read_call(void)
{
	char bytes[64];

	if (read(zeros, bytes, sizeof(bytes)) != sizeof(bytes))
		exit(1);
}

/* A write(2) and a read(2) over TCP, of a protocol that no one knows. */
static void exchange_call(void)
{
	char bytes[64] = "no protocol";

	if (write(client, bytes, sizeof(bytes)) != sizeof(bytes) ||
	    read(server, bytes, sizeof(bytes)) != sizeof(bytes))
		exit(1);
}

static void open_connection(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET };
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t length = sizeof(address);

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	client = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (void *)&address, length) || listen(listener, 1) ||
	    getsockname(listener, (void *)&address, &length) ||
	    connect(client, (void *)&address, length))
		exit(1);
	server = accept(listener, NULL, NULL);
}

static const struct {
	const char *name;
	void (*make)(void);
} calls[] = {
	{ "getppid", getppid_call }, { "openat", openat_call },	    { "connect", connect_call },
	{ "read", read_call },	     { "exchange", exchange_call },
};

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	long bursts, count;
	double *times;

	if (argc != 3)
		return 2;
	zeros = open("/dev/zero", O_RDONLY);
	open_connection();
	bursts = atol(argv[1]);
	count = atol(argv[2]);
	times = calloc(bursts, sizeof(*times));
	for (size_t call = 0; times && call < sizeof(calls) / sizeof(*calls); call++) {
		calls[call].make();
		for (long burst = 0; burst < bursts; burst++) {
			double start = cpu_ns();

			for (long i = 0; i < count; i++)
				calls[call].make();
			times[burst] = (cpu_ns() - start) / count;
		}
		qsort(times, bursts, sizeof(*times), ascending);
		printf("%s %.1f\n", calls[call].name, times[bursts / 2]);
	}
	return !times;
}
