// SPDX-License-Identifier: Apache-2.0
/*
 * Asks an HTTP server on the loopback at a steady rate, over connections that are kept; prints how
 * many responses there were.
 *
 *   requests PORT PATH RATE SECONDS     so many requests a second
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define CONNECTIONS 16
#define TICKS 1000 /* a second: at each, its share of the requests */

static char request[512], response[65536];
static int fds[CONNECTIONS];

static void check(int is_well, const char *what)
{
	if (is_well)
		return;
	perror(what);
	exit(1);
}

static int open_connection(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;

	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(!connect(fd, (void *)&address, sizeof(address)), "connect");
	check(!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "TCP_NODELAY");
	return fd;
}

static void ask(int fd)
{
	ssize_t length = strlen(request);

	check(write(fd, request, length) == length, "write");
}

/* Reads a response, of which the length is known, or for the first one is found out. */
static size_t answer(int fd, size_t length)
{
	size_t have = 0;
	ssize_t more;

	do {
		more = read(fd, response + have, sizeof(response) - 1 - have);
		check(more > 0, "read");
		have += more;
		if (!length) {
			char *end, *field;

			response[have] = 0;
			end = strstr(response, "\r\n\r\n");
			field = strstr(response, "Content-Length: ");
			if (end && field)
				length = end + 4 - response + atoi(field + 16);
		}
	} while (!length || have < length);
	return length;
}

int main(int argc, char **argv)
{
	size_t length;
	struct timespec next;
	long count = 0, total;
	int n;

	if (argc != 5)
		return 2;
	snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: 127.0.0.1:%s\r\n\r\n", argv[2],
		 argv[1]);
	for (n = 0; n < CONNECTIONS; n++)
		fds[n] = open_connection(atoi(argv[1]));
	ask(fds[0]);
	length = answer(fds[0], 0);
	total = atol(argv[3]) * atol(argv[4]);
	clock_gettime(CLOCK_MONOTONIC, &next);
	while (count < total) {
		long left = atol(argv[3]) / TICKS;

		for (; left > 0; left -= n) {
			int burst = left < CONNECTIONS ? left : CONNECTIONS;

			for (n = 0; n < burst; n++)
				ask(fds[n]);
			for (n = 0; n < burst; n++)
				answer(fds[n], length);
			count += n;
		}
		next.tv_nsec += 1000000000 / TICKS;
		next.tv_sec += next.tv_nsec / 1000000000;
		next.tv_nsec %= 1000000000;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
	printf("%ld\n", count + 1);
	return 0;
}
