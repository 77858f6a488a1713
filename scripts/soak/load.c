// SPDX-License-Identifier: Apache-2.0
/*
 * Loads for the soak: what makes agents lose events or grow.
 *
 *   load calls CPU COUNT           getppid(2), so often, on one CPU
 *   load processes COUNT COMMS FROM
 *                                  processes that live 5 ms, 16 at a time, under so many names,
 *                                  numbered from FROM; each fails to open a file
 *   load connections COUNT         TCP connections to itself over the loopback of a network
 *                                  namespace of its own, both ends held; prints "ready" when all
 *                                  are open, closes them at the end of standard input
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIVES_US 5000
#define AT_A_TIME 16

/* Both ends of so many fit into a process's usual 20,000 descriptors. */
#define CONNECTIONS_OF_PROCESS 6250
#define FIRST_PORT 20000

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void calls(int cpu, long count)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity");
	for (long i = 0; i < count; i++)
		syscall(SYS_getppid);
}

static void live(long name)
{
	char comm[16];

	snprintf(comm, sizeof(comm), "soak-%ld", name);
	prctl(PR_SET_NAME, comm);
	if (open("/nonexistent/file", O_RDONLY) >= 0)
		_exit(1);
	usleep(LIVES_US);
	_exit(0);
}

static void processes(long count, int comms, long from)
{
	for (long started = 0; started < count; started++) {
		pid_t child;

		if (started >= AT_A_TIME && wait(NULL) < 0)
			die("wait");
		child = fork();
		if (child < 0)
			die("fork");
		if (child == 0)
			live(from + started % comms);
	}
	while (wait(NULL) > 0)
		;
}

static void own_network(void)
{
	struct ifreq loopback = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET))
		die("unshare");
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &loopback))
		die("setting lo up");
	close(fd);
}

/*
 * Opens `count` connections to a port of its own and says so, then holds them until `until` ends.
 */
static void hold(int port, int count, int ready, int until)
{
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int server = socket(AF_INET, SOCK_STREAM, 0);
	char byte = 'x';

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	if (server < 0 || bind(server, (void *)&to, sizeof(to)) || listen(server, 128))
		die("listen");
	for (int i = 0; i < count; i++) {
		int client = socket(AF_INET, SOCK_STREAM, 0);

		if (client < 0 || connect(client, (void *)&to, sizeof(to)) ||
		    accept(server, NULL, NULL) < 0)
			die("connect");
	}
	if (write(ready, &byte, 1) != 1)
		die("write");
	while (read(until, &byte, 1) > 0)
		;
	_exit(0);
}

static void connections(int count)
{
	int holders = (count + CONNECTIONS_OF_PROCESS - 1) / CONNECTIONS_OF_PROCESS;
	int ready[2];
	char byte;

	own_network();
	if (pipe(ready))
		die("pipe");
	for (int i = 0; i < holders; i++) {
		int left = count - i * CONNECTIONS_OF_PROCESS;

		if (fork() == 0)
			hold(FIRST_PORT + i,
			     left < CONNECTIONS_OF_PROCESS ? left : CONNECTIONS_OF_PROCESS,
			     ready[1], STDIN_FILENO);
	}
	close(ready[1]);
	for (int i = 0; i < holders; i++) {
		if (read(ready[0], &byte, 1) != 1)
			exit(1);
	}
	puts("ready");
	fflush(stdout);
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	if (argc == 4 && !strcmp(argv[1], "calls"))
		calls(atoi(argv[2]), atol(argv[3]));
	else if (argc == 5 && !strcmp(argv[1], "processes"))
		processes(atol(argv[2]), atoi(argv[3]), atol(argv[4]));
	else if (argc == 3 && !strcmp(argv[1], "connections"))
		connections(atoi(argv[2]));
	else
		return 2;
	return 0;
}
