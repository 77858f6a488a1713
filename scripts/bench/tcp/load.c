// SPDX-License-Identifier: Apache-2.0
/*
 * Opens connections to a server of its own on the loopback, one after the other: connect, a line
 * there and back, close. Prints how many there were, the first ones that are not measured included,
 * how many a second, and of the time in connect(2) the median and the 99th percentile, nanoseconds.
 *
 *   load SECONDS CONNECTIONS_PER_SECOND     0 is as fast as it goes
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000ll

/* Connections that may be measured; the load ends there. */
#define MEASURED_MAX 2000000

/* The first ones: cold caches, the agent's new entries. */
#define WARM_UP 20

/*
 * The server's addresses, 127.0.0.1 and on: each has all ports of the client for itself, so that
 * connections in TIME_WAIT stand in no one's way.
 */
#define ADDRESSES 200

static const char line[16] = "a line of bytes";

static long long now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

static void sleep_until(long long time)
{
	struct timespec at = { .tv_sec = time / NS_PER_S, .tv_nsec = time % NS_PER_S };

	clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL);
}

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* Answers each line; ends with its parent. */
static void serve(int listening)
{
	char bytes[sizeof(line)];

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (;;) {
		int peer = accept4(listening, NULL, NULL, SOCK_CLOEXEC);
		ssize_t got;

		if (peer < 0)
			fail("accept4");
		while ((got = read(peer, bytes, sizeof(bytes))) > 0)
			if (write(peer, bytes, got) != got)
				break;
		close(peer);
	}
}

/* One connection; returns the nanoseconds that connect(2) took. */
static long long visit(struct sockaddr_in *server, unsigned int number)
{
	int one = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	long long start, end;
	char bytes[sizeof(line)];

	if (one < 0)
		fail("socket");
	server->sin_addr.s_addr = htonl(INADDR_LOOPBACK + number % ADDRESSES);
	start = now_ns();
	if (connect(one, (struct sockaddr *)server, sizeof(*server)))
		fail("connect");
	end = now_ns();
	if (write(one, line, sizeof(line)) != sizeof(line) ||
	    read(one, bytes, sizeof(bytes)) != sizeof(bytes))
		fail("talking to the server");
	close(one);
	return end - start;
}

static int ascending(const void *left, const void *right)
{
	unsigned int a = *(const unsigned int *)left, b = *(const unsigned int *)right;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	static unsigned int times[MEASURED_MAX];
	struct sockaddr_in server = { .sin_family = AF_INET };
	socklen_t length = sizeof(server);
	long long start, next, end, interval;
	unsigned int count = 0;
	int listening;
	pid_t child;

	if (argc != 3)
		return 2;
	interval = atoll(argv[2]) > 0 ? NS_PER_S / atoll(argv[2]) : 0;
	listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listening < 0 || bind(listening, (struct sockaddr *)&server, sizeof(server)) ||
	    listen(listening, 128) || getsockname(listening, (struct sockaddr *)&server, &length))
		fail("listening");
	child = fork();
	if (child < 0)
		fail("fork");
	if (child == 0)
		serve(listening);

	for (unsigned int i = 0; i < WARM_UP; i++)
		visit(&server, i);
	start = next = now_ns();
	end = start + atof(argv[1]) * NS_PER_S;
	while (now_ns() < end && count < MEASURED_MAX) {
		times[count] = visit(&server, count);
		count++;
		if (interval)
			sleep_until(next += interval);
	}
	end = now_ns();
	kill(child, SIGKILL);
	if (count == 0)
		return 1;
	qsort(times, count, sizeof(times[0]), ascending);
	printf("%u %.1f %u %u\n", WARM_UP + count, count / ((double)(end - start) / NS_PER_S),
	       times[count / 2], times[count - 1 - count / 100]);
	return 0;
}
