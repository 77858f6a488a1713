/*
 * Connections that end by a RST, in exact numbers, for test/kernel/signals/tcp/resets.test.ts.
 *
 *   tcp-resets PORT COUNT LEAVE ANSWER
 *       COUNT times: a child process connects to this one at PORT and leaves; this one answers
 *
 * The child leaves by: linger (SO_LINGER 0, close), unread (close with data unread), shutdown
 * (SHUT_RDWR, descriptor kept), close (until its FIN is acknowledged), half (SHUT_WR until that is
 * acknowledged, then close), stuck (close with its FIN behind data that cannot be sent yet),
 * linger2 (the same, with TCP_LINGER2 -1), open (not at all). This process answers by: write (a
 * byte), read (all there is), reset (SO_LINGER 0, close), nothing. Prints the process id of the
 * child.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* As /proc/net/tcp writes them. */
#define FIN_WAIT1 "04"
#define FIN_WAIT2 "05"

static struct sockaddr_in to;
static char buffer[65536];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Waits until a socket that is connected to PORT is in a state. */
static void wait_for(const char *state)
{
	char remote[16], line[256];

	snprintf(remote, sizeof(remote), ":%04X %s", ntohs(to.sin_port), state);
	for (;;) {
		FILE *table = fopen("/proc/net/tcp", "r");

		if (!table)
			die("/proc/net/tcp");
		while (fgets(line, sizeof(line), table))
			if (strstr(line, remote)) {
				fclose(table);
				return;
			}
		fclose(table);
		usleep(1000);
	}
}

static void close_at_once(int fd)
{
	struct linger at_once = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void leave(int fd, const char *how)
{
	int no_wait = -1;

	if (!strcmp(how, "linger"))
		return close_at_once(fd);
	if (!strcmp(how, "shutdown"))
		shutdown(fd, SHUT_RDWR);
	if (!strcmp(how, "half"))
		shutdown(fd, SHUT_WR);
	if (!strcmp(how, "half"))
		wait_for(FIN_WAIT2);
	if (!strcmp(how, "linger2"))
		setsockopt(fd, IPPROTO_TCP, TCP_LINGER2, &no_wait, sizeof(no_wait));
	if (!strcmp(how, "stuck") || !strcmp(how, "linger2")) {
		fcntl(fd, F_SETFL, O_NONBLOCK);
		while (write(fd, buffer, sizeof(buffer)) > 0)
			;
	}
	if (strcmp(how, "shutdown") && strcmp(how, "open"))
		close(fd);
	if (!strcmp(how, "close") || !strcmp(how, "shutdown") || !strcmp(how, "half"))
		wait_for(FIN_WAIT2);
	if (!strcmp(how, "stuck") || !strcmp(how, "linger2"))
		wait_for(FIN_WAIT1);
}

static void answer(int fd, const char *how)
{
	if (!strcmp(how, "reset"))
		return close_at_once(fd);
	if (!strcmp(how, "write") && write(fd, "", 1) != 1)
		die("write");
	if (!strcmp(how, "read"))
		while (read(fd, buffer, sizeof(buffer)) > 0)
			;
	/* A RST has come, where one is sent. */
	if (strcmp(how, "nothing"))
		poll(&(struct pollfd){ .fd = fd }, 1, 1000);
	close(fd);
}

/* The steps of the two processes follow one another: a byte says that it is the other's turn. */
static void pass(int pipe)
{
	if (write(pipe, "", 1) != 1)
		die("pass");
}

static void take(int pipe)
{
	char turn;

	if (read(pipe, &turn, 1) != 1)
		die("take");
}

static void child(int count, const char *how, int turns)
{
	for (int i = 0; i < count; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0), few = 4096;

		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &few, sizeof(few));
		if (connect(fd, (void *)&to, sizeof(to)))
			die("connect");
		take(turns);
		leave(fd, how);
		pass(turns);
		take(turns);
		close(fd);
	}
	exit(0);
}

int main(int argc, char **argv)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0), few = 4096, turns[2], status = 0;

	if (argc != 5) {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	to.sin_family = AF_INET;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = htons(atoi(argv[1]));
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &few, sizeof(few));
	if (bind(listener, (void *)&to, sizeof(to)) || listen(listener, 64) ||
	    socketpair(AF_UNIX, SOCK_STREAM, 0, turns))
		die("listen");
	pid_t pid = fork();

	if (pid == 0) {
		close(listener);
		child(atoi(argv[2]), argv[3], turns[1]);
	}
	for (int i = 0; i < atoi(argv[2]); i++) {
		int fd = accept(listener, NULL, NULL);

		if (fd < 0)
			die("accept");
		if (!strcmp(argv[3], "unread") && write(fd, "", 1) != 1)
			die("write");
		pass(turns[0]);
		take(turns[0]);
		answer(fd, argv[4]);
		pass(turns[0]);
	}
	printf("%d\n", pid);
	return waitpid(pid, &status, 0) != pid || status;
}
