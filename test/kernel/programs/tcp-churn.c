/*
 * Connections that come and go beside idle ones, in exact numbers, for
 * test/kernel/signals/tcp/reuse.test.ts.
 *
 *   tcp-churn IDLE SEND REPLY
 *       opens IDLE connections to itself and keeps them; then, until its standard input ends:
 *       connects to itself, sends SEND bytes, is sent REPLY bytes, closes both ends
 *
 * Prints "ready" when the idle ones are there, then how many came and went, and waits to be killed.
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static int listener;
static struct sockaddr_in to;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void carry(int from, int into, size_t bytes)
{
	static char buffer[65536];

	if (write(from, buffer, bytes) != (ssize_t)bytes)
		die("write");
	if (recv(into, buffer, bytes, MSG_WAITALL) != (ssize_t)bytes)
		die("recv");
}

static void open_pair(int *client, int *server)
{
	*client = socket(AF_INET, SOCK_STREAM, 0);
	if (*client < 0 || connect(*client, (void *)&to, sizeof(to)))
		die("connect");
	*server = accept(listener, NULL, NULL);
	if (*server < 0)
		die("accept");
}

int main(int argc, char **argv)
{
	struct linger at_once = { .l_onoff = 1 };
	socklen_t size = sizeof(to);
	struct rlimit files;
	struct pollfd end = { .events = POLLIN };
	int client, server, count = 0;

	if (argc != 4) {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	if (getrlimit(RLIMIT_NOFILE, &files))
		die("getrlimit");
	files.rlim_cur = files.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &files))
		die("setrlimit");
	to.sin_family = AF_INET;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(listener, (void *)&to, size) || listen(listener, 64) ||
	    getsockname(listener, (void *)&to, &size))
		die("listen");
	for (int i = 0; i < atoi(argv[1]); i++)
		open_pair(&client, &server);
	puts("ready");
	fflush(stdout);
	for (; poll(&end, 1, 0) == 0; count++) {
		open_pair(&client, &server);
		carry(client, server, atol(argv[2]));
		carry(server, client, atol(argv[3]));
		/* No TIME_WAIT, so that a port and a socket's memory are free at once. */
		setsockopt(client, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
		close(client);
		close(server);
	}
	printf("%d\n", count);
	fflush(stdout);
	return pause();
}
