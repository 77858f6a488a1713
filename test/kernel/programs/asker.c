/*
 * Asks an HTTP server on the loopback, as the lines of its input say, and answers each of them with
 * a line.
 *
 *   asker PORT
 *
 *   ask N       makes N requests over a connection of their own
 *   name NAME   is called so from now on, by prctl(2)
 *   exec PATH   becomes that program, by execve(2), which is one of this source
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static void check(int is_well, const char *what)
{
	if (is_well)
		return;
	perror(what);
	exit(1);
}

static void ask(int port, int count)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: here\r\n\r\n";
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons(port) };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	char response[4096];

	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	check(!connect(fd, (void *)&to, sizeof(to)), "connect");
	while (count--) {
		ssize_t have = 0, more;

		check(write(fd, request, sizeof(request) - 1) == sizeof(request) - 1, "write");
		do {
			more = read(fd, response + have, sizeof(response) - 1 - have);
			check(more > 0, "read");
			have += more;
			response[have] = 0;
		} while (!strstr(response, "\r\n\r\nend"));
	}
	close(fd);
}

int main(int argc, char **argv)
{
	char line[256], *end;

	setvbuf(stdin, NULL, _IONBF, 0);
	if (argc != 2)
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		end = strchr(line, '\n');
		if (end)
			*end = 0;
		if (!strncmp(line, "ask ", 4))
			ask(atoi(argv[1]), atoi(line + 4));
		else if (!strncmp(line, "name ", 5))
			check(!prctl(PR_SET_NAME, line + 5), "prctl");
		puts(line);
		fflush(stdout);
		if (!strncmp(line, "exec ", 5))
			check(execv(line + 5, argv) == 0, "execv");
	}
	return 0;
}
