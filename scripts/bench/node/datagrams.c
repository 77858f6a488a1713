// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what a UDP datagram over loopback costs.
 *
 *   datagrams carried BURSTS COUNT   each is sent, then received: half of what both cost together
 *   datagrams dropped BURSTS COUNT   each is sent to a socket whose queue is full
 */
#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "bursts.h"

/* Takes in what differs in the first ones, and fills the queue. */
#define WARM_UP 20000

static int to, from;

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

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t length = sizeof(address);
	long bursts, count;
	int carried;

	if (argc != 4)
		return 2;
	carried = !strcmp(argv[1], "carried");
	bursts = atol(argv[2]);
	count = atol(argv[3]);
	if (bursts <= 0 || count <= 0)
		return 2;
	from = socket(AF_INET, SOCK_DGRAM, 0);
	to = socket(AF_INET, SOCK_DGRAM, 0);
	if (bind(from, (void *)&address, sizeof(address)) ||
	    getsockname(from, (void *)&address, &length) ||
	    connect(to, (void *)&address, sizeof(address)))
		fail("setting up");
	burst(carried ? carry : have_dropped, WARM_UP);
	printf("%.1f\n",
	       fastest_tenth(carried ? carry : have_dropped, bursts, count) / (carried ? 2 : 1));
	return 0;
}
