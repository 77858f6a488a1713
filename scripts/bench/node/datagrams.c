// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what a UDP datagram over loopback costs, nanoseconds of CPU time: what the fastest tenth
 * of all bursts stays below.
 *
 *   datagrams carried BURSTS COUNT   each is sent, then received: half of what both cost together
 *   datagrams dropped BURSTS COUNT   each is sent to a socket whose queue is full
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

/* Takes in what differs in the first ones, and fills the queue. */
#define WARM_UP 20000

static int to, from;

static void fail(const char *what)
{
	perror(what);
	exit(1);
}

static void carry(void)
{
	char byte = 'x';

	if (send(to, &byte, 1, 0) != 1 || recv(from, &byte, 1, 0) != 1)
		fail("sending and receiving");
}

static void have_dropped(void)
{
	char byte = 'x';

	if (send(to, &byte, 1, 0) != 1)
		fail("sending");
}

static double cpu_ns(void)
{
	struct timespec used;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &used);
	return used.tv_sec * 1e9 + used.tv_nsec;
}

static double burst(void (*step)(void), long count)
{
	double start = cpu_ns();

	for (long n = 0; n < count; n++)
		step();
	return (cpu_ns() - start) / count;
}

static int ascending(const void *left, const void *right)
{
	double a = *(const double *)left, b = *(const double *)right;

	return (a > b) - (a < b);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	long bursts, count;
	double *times;
	int carried;

	if (argc != 4)
		return 2;
	carried = !strcmp(argv[1], "carried");
	bursts = atol(argv[2]);
	count = atol(argv[3]);
	times = calloc(bursts, sizeof(*times));
	if (bursts <= 0 || count <= 0 || !times)
		return 2;
	from = socket(AF_INET, SOCK_DGRAM, 0);
	to = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(from, (void *)&address, sizeof(address)) ||
	    getsockname(from, (void *)&address, &length) ||
	    connect(to, (void *)&address, sizeof(address)))
		fail("setting up");
	burst(carried ? carry : have_dropped, WARM_UP);
	for (long n = 0; n < bursts; n++)
		times[n] = burst(carried ? carry : have_dropped, count);
	qsort(times, bursts, sizeof(*times), ascending);
	printf("%.1f\n", times[bursts / 10] / (carried ? 2 : 1));
	return 0;
}
