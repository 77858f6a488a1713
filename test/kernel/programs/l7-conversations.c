/*
 * Plays conversations between a client and a server, as a script on standard input has them:
 *
 *   N <name> <calls> <cuts> <seed>   a conversation; both ends are called so, with -c and -s behind
 *   C <length>, S <length>           what the client, or the server, sends: so many bytes follow
 *   E C, E S                         the end: who closes first
 *
 * Both ends make the same pieces of what one of them sends and the other one receives:
 * cuts 0: none; 1: each byte by itself; 2: at random; 3: once for each place where there can be one
 * cut, on a connection of its own. Calls 0: read and write; 1: send, and recv after a peek;
 * 2: readv and writev; 3: sendmsg and recvmsg. The server's port may be given as an argument, or
 * the path of its Unix socket; and a family: 4, 6, or 46 for IPv4 in sockets of IPv6.
 */
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define MOST_STEPS 1024

struct step {
	char who;
	size_t length;
	char *bytes;
};

static struct step steps[MOST_STEPS];
static int count, calls;
static char received[1 << 20];

static void check(int is_well, const char *what)
{
	if (!is_well) {
		perror(what);
		exit(1);
	}
}

static int vectors_of(struct iovec *vectors, char *bytes, size_t length)
{
	size_t first = length / 3, second = length / 2 - first;

	vectors[0] = (struct iovec){ bytes, first };
	vectors[1] = (struct iovec){ bytes + first, second };
	vectors[2] = (struct iovec){ bytes + first + second, length - first - second };
	return 3;
}

static ssize_t move(int fd, int sends, char *bytes, size_t length)
{
	struct iovec vectors[3];
	struct msghdr message = { .msg_iov = vectors };
	int n = vectors_of(vectors, bytes, length);

	switch (calls) {
	case 0:
		return sends ? write(fd, bytes, length) : read(fd, bytes, length);
	case 1:
		if (sends)
			return send(fd, bytes, length, 0);
		check(recv(fd, bytes, length, MSG_PEEK) > 0, "peek");
		return recv(fd, bytes, length, 0);
	case 2:
		return sends ? writev(fd, vectors, n) : readv(fd, vectors, n);
	default:
		message.msg_iovlen = n;
		return sends ? sendmsg(fd, &message, 0) : recvmsg(fd, &message, 0);
	}
}

static void piece(int fd, int sends, char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t moved = move(fd, sends, sends ? bytes : received, length);

		check(moved > 0, sends ? "sending" : "receiving");
		check(sends || !memcmp(received, bytes, moved), "what was received");
		bytes += moved;
		length -= moved;
	}
}

/* Plays all steps; with `cut`, in two pieces at that place of all their bytes. */
static void play(int fd, char me, int cuts, unsigned int seed, size_t cut)
{
	size_t at = 0;

	for (int i = 0; i < count; i++) {
		struct step *step = &steps[i];
		size_t done = 0;

		while (done < step->length) {
			size_t length = step->length - done;

			if (cuts == 1)
				length = 1;
			if (cuts == 2 && length > 1)
				length = 1 + rand_r(&seed) % (rand_r(&seed) % 2 ? length : 24);
			if (length > step->length - done)
				length = step->length - done;
			if (cuts == 3 && at < cut && at + length > cut)
				length = cut - at;
			piece(fd, step->who == me, step->bytes + done, length);
			done += length;
			at += length;
		}
	}
}

static int listener;
static socklen_t address_length;
static union {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
} address;

static int open_end(char me)
{
	int fd, on = 1;

	if (me == 'S') {
		fd = accept(listener, NULL, NULL);
	} else {
		fd = socket(address.any.sa_family, SOCK_STREAM, 0);
		check(!connect(fd, &address.any, address_length), "connect");
	}
	check(fd >= 0, "a socket");
	if (address.any.sa_family != AF_UNIX)
		check(!setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)), "TCP_NODELAY");
	return fd;
}

static void close_end(int fd, char me, char first)
{
	char byte;

	if (me != first)
		check(read(fd, &byte, 1) == 0, "the end");
	close(fd);
}

static void converse(char me, const char *name, int cuts, unsigned int seed, char first)
{
	char comm[32];
	size_t total = 0;

	snprintf(comm, sizeof(comm), "%s-%c", name, me == 'C' ? 'c' : 's');
	prctl(PR_SET_NAME, comm);
	for (int i = 0; i < count; i++)
		total += steps[i].length;
	for (size_t cut = 1; cut < (cuts == 3 ? total : 2); cut++) {
		int fd = open_end(me);

		play(fd, me, cuts, seed, cut);
		close_end(fd, me, first);
	}
}

static void run(char me, const char *script, size_t size)
{
	FILE *file = fmemopen((void *)script, size, "r");
	char name[16] = "", who;
	unsigned int seed = 0;
	int cuts = 0;
	size_t length;

	while (fscanf(file, " %c", &who) == 1) {
		if (who == 'N') {
			check(fscanf(file, "%12s %d %d %u", name, &calls, &cuts, &seed) == 4, "N");
			count = 0;
		} else if (who == 'E') {
			check(fscanf(file, " %c", &who) == 1, "E");
			converse(me, name, cuts, seed, who);
		} else {
			struct step *step = &steps[count++];

			check(count <= MOST_STEPS && fscanf(file, "%zu", &length) == 1, "a step");
			check(fgetc(file) == '\n', "a step's line");
			step->who = who;
			step->length = length;
			step->bytes = (char *)script + ftell(file);
			check(!fseek(file, length, SEEK_CUR), "a step's bytes");
		}
	}
}

int main(int argc, char **argv)
{
	static char script[64 << 20];
	size_t size = 0;
	ssize_t more;
	int status;
	pid_t pid;

	while ((more = read(0, script + size, sizeof(script) - size)) > 0)
		size += more;
	if (argc > 1 && argv[1][0] == '/') {
		address_length = sizeof(address.un);
		address.un.sun_family = AF_UNIX;
		strncpy(address.un.sun_path, argv[1], sizeof(address.un.sun_path) - 1);
		unlink(argv[1]);
	} else if (argc > 2 && strchr(argv[2], '6')) {
		address_length = sizeof(address.in6);
		address.in6.sin6_family = AF_INET6;
		address.in6.sin6_port = htons(atoi(argv[1]));
		inet_pton(AF_INET6, argv[2][0] == '4' ? "::ffff:127.0.0.1" : "::1",
			  &address.in6.sin6_addr);
	} else {
		address_length = sizeof(address.in);
		address.in.sin_family = AF_INET;
		address.in.sin_port = htons(argc > 1 ? atoi(argv[1]) : 0);
		address.in.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	}
	listener = socket(address.any.sa_family, SOCK_STREAM, 0);
	check(!bind(listener, &address.any, address_length), "bind");
	check(!listen(listener, 16), "listen");
	getsockname(listener, &address.any, &address_length);
	pid = fork();
	run(pid ? 'C' : 'S', script, size);
	if (!pid)
		return 0;
	check(waitpid(pid, &status, 0) == pid && !status, "the server");
	return 0;
}
