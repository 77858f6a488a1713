/*
 * Connections in states that an agent may find them in, for test/kernel/signals/tcp/older.test.ts.
 * Both ends are this process's.
 *
 * tcp-older backlog the accepted end's listener has called listen(fd, 0) tcp-older listened the
 * connected end has itself listened before tcp-older connecting connect(2) is under way: the
 * listener's queue is full tcp-older half the connected end has shut down its sending side
 * tcp-older passed the accepted end is in no descriptor table: sent by SCM_RIGHTS, unread
 *
 * Prints "ready", and waits for a line. Then the accepted end sends BYTES, the connected one reads
 * them; passed: the other way round. Prints "done" and waits for its standard input to end.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BYTES 1000000

static struct sockaddr_in to;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static void say(const char *what)
{
	char line[16];

	puts(what);
	fflush(stdout);
	if (!fgets(line, sizeof(line), stdin))
		exit(0);
}

static int listening(int backlog)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	socklen_t size = sizeof(to);

	to.sin_family = AF_INET;
	to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	to.sin_port = 0;
	if (bind(fd, (void *)&to, size) || listen(fd, backlog) ||
	    getsockname(fd, (void *)&to, &size))
		die("listen");
	return fd;
}

static void carry(int from, int into, size_t bytes)
{
	static char buffer[50000];

	for (size_t done = 0; done < bytes; done += sizeof(buffer))
		if (write(from, buffer, sizeof(buffer)) != sizeof(buffer) ||
		    recv(into, buffer, sizeof(buffer), MSG_WAITALL) != sizeof(buffer))
			die("carry");
}

/* Sends a descriptor to the other end of a pair, and closes it. */
static void pass(int pair, int fd)
{
	union {
		char space[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {};
	struct iovec one = { .iov_base = "", .iov_len = 1 };
	struct msghdr message = {
		.msg_iov = &one,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	struct cmsghdr *rights = CMSG_FIRSTHDR(&message);

	rights->cmsg_level = SOL_SOCKET;
	rights->cmsg_type = SCM_RIGHTS;
	rights->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(rights), &fd, sizeof(int));
	if (sendmsg(pair, &message, 0) != 1)
		die("sendmsg");
	close(fd);
}

int main(int argc, char **argv)
{
	const char *how = argc > 1 ? argv[1] : "";
	int pair[2], listener, client, server, filler;

	if (!strcmp(how, "listened")) {
		client = listening(5);
		shutdown(client, SHUT_RDWR);
	} else {
		client = socket(AF_INET, SOCK_STREAM, 0);
	}
	listener = listening(strcmp(how, "backlog") && strcmp(how, "connecting") ? 5 : 0);
	if (!strcmp(how, "connecting")) {
		filler = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(filler, (void *)&to, sizeof(to)))
			die("connect");
		client = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
		connect(client, (void *)&to, sizeof(to));
		say("ready");
		accept(listener, NULL, NULL);
		poll(&(struct pollfd){ .fd = client, .events = POLLOUT }, 1, -1);
		if (connect(client, (void *)&to, sizeof(to)))
			die("connect");
		fcntl(client, F_SETFL, 0);
		server = accept(listener, NULL, NULL);
	} else {
		if (connect(client, (void *)&to, sizeof(to)))
			die("connect");
		server = accept(listener, NULL, NULL);
		if (!strcmp(how, "half"))
			shutdown(client, SHUT_WR);
		/* Something that the agent does not see. */
		carry(server, client, 100000);
		if (!strcmp(how, "passed")) {
			if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
				die("socketpair");
			pass(pair[0], server);
		}
		say("ready");
	}
	if (!strcmp(how, "passed")) {
		static char buffer[5000];

		if (write(client, buffer, sizeof(buffer)) != sizeof(buffer))
			die("write");
	} else {
		carry(server, client, BYTES);
	}
	say("done");
	return 0;
}
