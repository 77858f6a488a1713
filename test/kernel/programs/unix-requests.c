/*
 * Requests of HTTP over Unix sockets, whose ends have names of their own:
 *
 *   pass       a socketpair: `up-client` makes 10 requests, of which `up-first` answers 4; then it
 *              passes its end on (SCM_RIGHTS) to `up-second`, which answers the others
 *   N PATH     N connections of `us-client` to `us-server`, one after the other, of one request
 *              each; then as many which the client closes as soon as it has asked
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

static const char request[] = "GET /one HTTP/1.1\r\nHost: x\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";

static void check(int is_well, const char *what)
{
	if (!is_well) {
		perror(what);
		exit(1);
	}
}

static void read_all(int fd, size_t length)
{
	char bytes[256];
	ssize_t n;

	for (size_t got = 0; got < length; got += n) {
		n = read(fd, bytes, length - got);
		check(n > 0, "read");
	}
}

static void ask(int fd)
{
	check(write(fd, request, sizeof(request) - 1) == sizeof(request) - 1, "ask");
}

static void answer(int fd)
{
	read_all(fd, sizeof(request) - 1);
	check(write(fd, response, sizeof(response) - 1) == sizeof(response) - 1, "answer");
}

static void move_descriptor(int by, int *fd, int sends)
{
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {};
	char byte = 'x';
	struct iovec vector = { &byte, 1 };
	struct msghdr message = { .msg_iov = &vector,
				  .msg_iovlen = 1,
				  .msg_control = &control,
				  .msg_controllen = sizeof(control) };

	if (!sends) {
		check(recvmsg(by, &message, 0) == 1, "recvmsg");
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*fd));
		return;
	}
	control.header = (struct cmsghdr){ CMSG_LEN(sizeof(*fd)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.header), fd, sizeof(*fd));
	check(sendmsg(by, &message, 0) == 1, "sendmsg");
}

static void wait_for_all(void)
{
	int status;

	while (wait(&status) > 0)
		check(!status, "an end");
}

static void pass(void)
{
	int ends[2], by[2], fd;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, ends), "socketpair");
	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, by), "socketpair");
	if (!fork()) {
		prctl(PR_SET_NAME, "up-client");
		for (int n = 0; n < 10; n++) {
			ask(ends[0]);
			read_all(ends[0], sizeof(response) - 1);
		}
		exit(0);
	}
	if (!fork()) {
		prctl(PR_SET_NAME, "up-second");
		close(ends[1]);
		move_descriptor(by[1], &fd, 0);
		for (int n = 0; n < 6; n++)
			answer(fd);
		exit(0);
	}
	prctl(PR_SET_NAME, "up-first");
	for (int n = 0; n < 4; n++)
		answer(ends[1]);
	move_descriptor(by[0], &ends[1], 1);
	wait_for_all();
}

static void serve(int listener, int count)
{
	char byte;

	for (int n = 0; n < 2 * count; n++) {
		int fd = accept(listener, NULL, NULL);

		check(fd >= 0, "accept");
		if (n < count)
			answer(fd);
		else
			read_all(fd, sizeof(request) - 1);
		check(read(fd, &byte, 1) == 0, "the end");
		close(fd);
	}
}

static void make_short(const char *path, int count)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);

	strncpy(address.sun_path, path, sizeof(address.sun_path) - 1);
	check(!bind(listener, (void *)&address, sizeof(address)), "bind");
	check(!listen(listener, 64), "listen");
	if (!fork()) {
		prctl(PR_SET_NAME, "us-server");
		serve(listener, count);
		exit(0);
	}
	prctl(PR_SET_NAME, "us-client");
	for (int n = 0; n < 2 * count; n++) {
		int fd = socket(AF_UNIX, SOCK_STREAM, 0);

		check(!connect(fd, (void *)&address, sizeof(address)), "connect");
		ask(fd);
		if (n < count)
			read_all(fd, sizeof(response) - 1);
		close(fd);
	}
	wait_for_all();
}

int main(int argc, char **argv)
{
	if (argc == 2)
		pass();
	else
		make_short(argv[2], atoi(argv[1]));
	return 0;
}
