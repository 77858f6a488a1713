/*
 * A connection that outlives the process that made it, for test/kernel/signals/tcp/counts.test.ts.
 *
 *   tcp-outlived BYTES
 *       prints its pid, connects to itself, and exits; its child, which has both ends, waits for
 *       the end of descriptor 3, sends BYTES from one to the other, closes both, and prints "done"
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static void die(const char *what)
{
	perror(what);
	exit(1);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0);
	size_t bytes = argc == 2 ? strtoul(argv[1], NULL, 10) : 0;
	socklen_t size = sizeof(to);
	static char buffer[65536];
	int server;

	if (bytes == 0 || bytes > sizeof(buffer)) {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	if (bind(listener, (void *)&to, sizeof(to)) || listen(listener, 1) ||
	    getsockname(listener, (void *)&to, &size))
		die("listen");
	if (connect(client, (void *)&to, sizeof(to)))
		die("connect");
	server = accept(listener, NULL, NULL);
	if (server < 0)
		die("accept");
	printf("%d\n", getpid());
	fflush(stdout);
	switch (fork()) {
	case -1:
		die("fork");
	case 0:
		break;
	default:
		_exit(0);
	}
	while (read(3, buffer, sizeof(buffer)) > 0)
		;
	if (write(client, buffer, bytes) != (ssize_t)bytes ||
	    recv(server, buffer, bytes, MSG_WAITALL) != (ssize_t)bytes)
		die("carry");
	close(client);
	close(server);
	printf("done\n");
	return 0;
}
