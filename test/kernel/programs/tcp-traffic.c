/*
 * TCP traffic in exact numbers, for test/kernel/signals/tcp/tcp.test.ts.
 *
 *   tcp-traffic serve FAMILY PORT COUNT SEND
 *       accepts COUNT connections one after the other; on each sends SEND bytes, reads to the end
 *       of the stream, closes
 *   tcp-traffic connect FAMILY ADDRESS PORT HOW COUNT RECEIVE SEND
 *       COUNT times: connects, reads RECEIVE bytes, sends SEND bytes, closes
 *
 * HOW is a word of letters: b blocking; n non-blocking, asking for the outcome by a second connect;
 * s non-blocking, asking by SO_ERROR; p non-blocking, told by poll alone; t from a thread named
 * "worker"; a closes before the outcome is known; f leaves reading and sending to a forked child; h
 * holds every connection open until standard input ends. Prints "ready" once it listens or has
 * tried all, then, for connect, one line "ERRNO COUNT" for each outcome.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define OUTCOMES 200

static int outcomes[OUTCOMES];

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static socklen_t address_of(struct sockaddr_storage *to, const char *family, const char *address,
			    const char *port)
{
	memset(to, 0, sizeof(*to));
	if (!strcmp(family, "4")) {
		struct sockaddr_in *in = (void *)to;

		in->sin_family = AF_INET;
		in->sin_port = htons(atoi(port));
		if (inet_pton(AF_INET, address, &in->sin_addr) != 1)
			die(address);
		return sizeof(*in);
	}
	struct sockaddr_in6 *in6 = (void *)to;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons(atoi(port));
	if (inet_pton(AF_INET6, address, &in6->sin6_addr) != 1)
		die(address);
	return sizeof(*in6);
}

static void transfer(int fd, size_t bytes, ssize_t (*step)(int, char *, size_t))
{
	static char buffer[65536];

	while (bytes > 0) {
		ssize_t done = step(fd, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer));

		if (done <= 0)
			die("transfer");
		bytes -= done;
	}
}

static ssize_t receive(int fd, char *buffer, size_t size)
{
	return read(fd, buffer, size);
}

static ssize_t dispatch(int fd, char *buffer, size_t size)
{
	return write(fd, buffer, size);
}

static void serve(char **args)
{
	struct sockaddr_storage at;
	int count = atoi(args[2]), one = 1;
	int listener = socket(args[0][0] == '4' ? AF_INET : AF_INET6, SOCK_STREAM, 0);
	socklen_t size = address_of(&at, args[0], args[0][0] == '4' ? "0.0.0.0" : "::", args[1]);
	char buffer[65536];

	setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(listener, (void *)&at, size) || listen(listener, SOMAXCONN))
		die("listen");
	puts("ready");
	fflush(stdout);
	for (int i = 0; i < count; i++) {
		/* Both system calls have to be known. */
		int fd = i % 2 ? accept(listener, NULL, NULL) :
				 accept4(listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			die("accept");
		transfer(fd, atol(args[3]), dispatch);
		while (read(fd, buffer, sizeof(buffer)) > 0)
			;
		close(fd);
	}
}

static int attempt(int fd, struct sockaddr_storage *to, socklen_t size, const char *how)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };
	int error = 0;
	socklen_t length = sizeof(error);

	if (connect(fd, (void *)to, size) == 0)
		return 0;
	if (errno != EINPROGRESS || strchr(how, 'a'))
		return errno;
	poll(&ready, 1, -1);
	if (strchr(how, 'p'))
		return ready.revents & POLLERR ? EIO : 0;
	if (strchr(how, 's')) {
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &length);
		return error;
	}
	/*
	 * An ICMP error that comes while the socket is in use wakes poll, and the attempt goes on:
	 * tcp_v4_err().
	 */
	for (;;) {
		if (connect(fd, (void *)to, size) == 0)
			return 0;
		if (errno != EALREADY)
			return errno;
		usleep(10000);
	}
}

static void *connect_all(void *arg)
{
	char **args = arg;
	const char *how = args[3];
	int count = atoi(args[4]);
	struct sockaddr_storage to;
	socklen_t size = address_of(&to, args[0], args[1], args[2]);

	for (int i = 0; i < count; i++) {
		int nonblocking = strpbrk(how, "nps") ? SOCK_NONBLOCK : 0;
		int fd = socket(args[0][0] == '4' ? AF_INET : AF_INET6, SOCK_STREAM | nonblocking,
				0);
		int error = attempt(fd, &to, size, how);

		outcomes[error < OUTCOMES ? error : OUTCOMES - 1]++;
		if (error == 0) {
			pid_t child = strchr(how, 'f') ? fork() : 0;

			fcntl(fd, F_SETFL, 0);
			if (child == 0) {
				transfer(fd, atol(args[5]), receive);
				transfer(fd, atol(args[6]), dispatch);
				if (strchr(how, 'f'))
					_exit(0);
			}
			while (child && wait(NULL) < 0)
				;
		}
		if (!strchr(how, 'h'))
			close(fd);
	}
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t thread;
	char end;

	if (argc == 6 && !strcmp(argv[1], "serve")) {
		serve(argv + 2);
		return 0;
	}
	if (argc != 9 || strcmp(argv[1], "connect")) {
		fprintf(stderr, "usage: see the source\n");
		return 2;
	}
	if (strchr(argv[5], 't')) {
		pthread_create(&thread, NULL, connect_all, argv + 2);
		pthread_setname_np(thread, "worker");
		pthread_join(thread, NULL);
	} else {
		connect_all(argv + 2);
	}
	puts("ready");
	for (int error = 0; error < OUTCOMES; error++)
		if (outcomes[error])
			printf("%d %d\n", error, outcomes[error]);
	fflush(stdout);
	while (strchr(argv[5], 'h') && read(0, &end, 1) > 0)
		;
	return 0;
}
