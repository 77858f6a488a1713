// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what it costs to send a POSIX signal to a process that ignores it, this one.
 *
 *   signals BURSTS COUNT
 */
#include <signal.h>
#include <unistd.h>

#include "bursts.h"

static pid_t self;

static void send_one(void)
{
	if (kill(self, SIGUSR1))
		fail("kill");
}

int main(int argc, char **argv)
{
	long bursts, count;

	if (argc != 3)
		return 2;
	bursts = atol(argv[1]);
	count = atol(argv[2]);
	if (bursts <= 0 || count <= 0)
		return 2;
	self = getpid();
	signal(SIGUSR1, SIG_IGN);
	burst(send_one, count);
	printf("%.1f\n", fastest_tenth(send_one, bursts, count));
	return 0;
}
