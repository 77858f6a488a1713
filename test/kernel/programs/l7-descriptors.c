/*
 * Requests of HTTP between sockets of this process, by calls that a program at their return has to
 * tell apart:
 *
 *   l7-descriptors swap    while a thread waits in read(2) for a request, another one gives its
 *                          descriptor to another connection
 *   l7-descriptors fresh   the same, and that connection has not carried anything
 *   l7-descriptors files   bodies by sendfile(2), and by splice(2) from the socket that receives
 *   l7-descriptors abort   ends by close(2) with SO_LINGER 0, and by connect(2) with AF_UNSPEC
 *   l7-descriptors late    responses to a client that has gone, whose RST comes within the call
 *   l7-descriptors vectors preadv2(2) and pwritev2(2)
 *   l7-descriptors narrow  calls as those of 32-bit programs (int 0x80), x86 alone
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define BODY 100000

static const char request[] = "GET / HTTP/1.1\r\nHost: example\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
static int listener;
static struct sockaddr_in address;

static void check(int is_well, const char *what)
{
	if (!is_well) {
		perror(what);
		exit(1);
	}
}

static void receive(int fd, size_t bytes)
{
	char buffer[4096];

	while (bytes > 0) {
		ssize_t more = read(fd, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer));

		check(more > 0, "read");
		bytes -= more;
	}
}

static void send_all(int fd, const char *bytes, size_t length)
{
	check(write(fd, bytes, length) == (ssize_t)length, "write");
}

/* A connection, whose two ends are here. */
struct ends {
	int client, server;
};

static struct ends open_ends(void)
{
	struct ends ends;

	ends.client = socket(AF_INET, SOCK_STREAM, 0);
	check(!connect(ends.client, (void *)&address, sizeof(address)), "connect");
	ends.server = accept(listener, NULL, NULL);
	check(ends.server >= 0, "accept");
	return ends;
}

static void exchange(int client, int server)
{
	send_all(client, request, strlen(request));
	receive(server, strlen(request));
	send_all(server, response, strlen(response));
	receive(client, strlen(response));
}

static int waiting_fd;
static pid_t waiter;

static void *wait_for_request(void *unused)
{
	__atomic_store_n(&waiter, gettid(), __ATOMIC_RELEASE);
	receive(waiting_fd, strlen(request));
	return unused;
}

/* Until the thread waits in read(2). */
static void await_waiter(void)
{
	char path[64], line[256] = "";
	pid_t tid;
	FILE *file;

	while (!(tid = __atomic_load_n(&waiter, __ATOMIC_ACQUIRE)))
		usleep(1000);
	snprintf(path, sizeof(path), "/proc/self/task/%d/syscall", tid);
	for (;;) {
		file = fopen(path, "r");
		check(file && fgets(line, sizeof(line), file), path);
		fclose(file);
		if (atoi(line) == SYS_read && strncmp(line, "running", 7))
			return;
		usleep(1000);
	}
}

static void swap(int is_fresh)
{
	struct ends first = open_ends(), second = open_ends();
	int kept = dup(first.server);
	pthread_t thread;

	exchange(first.client, first.server);
	if (!is_fresh)
		exchange(second.client, second.server);
	waiting_fd = first.server;
	check(!pthread_create(&thread, NULL, wait_for_request, NULL), "a thread");
	await_waiter();
	check(dup2(second.server, first.server) == first.server, "dup2");
	send_all(first.client, request, strlen(request));
	pthread_join(thread, NULL);
	send_all(kept, response, strlen(response));
	receive(first.client, strlen(response));
	exchange(first.client, kept);
	exchange(second.client, second.server);
}

static void files(void)
{
	static char body[BODY];
	struct ends ends = open_ends();
	int file = memfd_create("body", 0), pipes[2];
	size_t sent = 0, received = 0;
	char head[128];
	off_t at = 0;

	check(!pipe(pipes), "pipe");
	send_all(file, body, sizeof(body));
	snprintf(head, sizeof(head), "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", BODY);
	exchange(ends.client, ends.server);
	send_all(ends.client, request, strlen(request));
	receive(ends.server, strlen(request));
	send_all(ends.server, head, strlen(head));
	receive(ends.client, strlen(head));
	while (received < BODY) {
		ssize_t more;

		if (sent < BODY) {
			more = sendfile(ends.server, file, &at, 8192);
			check(more > 0, "sendfile");
			sent += more;
		}
		more = splice(ends.client, NULL, pipes[1], NULL, 8192, 0);
		check(more > 0, "splice");
		received += more;
		receive(pipes[0], more);
	}
	exchange(ends.client, ends.server);
}

/* Ends a connection at once, without a FIN; what the other end reads then. */
static void end_at_once(int fd, int other)
{
	struct linger none = { .l_onoff = 1 };
	char byte;

	check(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &none, sizeof(none)), "SO_LINGER");
	close(fd);
	check(read(other, &byte, 1) < 0, "no RST");
	close(other);
}

static void abort_ends(void)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	struct ends ends = open_ends();
	char byte;

	exchange(ends.client, ends.server);
	send_all(ends.client, request, strlen(request));
	receive(ends.server, strlen(request));
	end_at_once(ends.server, ends.client);
	ends = open_ends();
	exchange(ends.client, ends.server);
	check(!connect(ends.client, &nowhere, sizeof(nowhere)), "AF_UNSPEC");
	check(read(ends.server, &byte, 1) <= 0, "an end");
	close(ends.server);
	/* The same socket has another connection then. */
	check(!connect(ends.client, (void *)&address, sizeof(address)), "connect");
	ends.server = accept(listener, NULL, NULL);
	exchange(ends.client, ends.server);
	end_at_once(ends.client, ends.server);
}

static void late_responses(void)
{
	for (int n = 0; n < 3; n++) {
		struct ends ends = open_ends();

		send_all(ends.client, request, strlen(request));
		receive(ends.server, strlen(request));
		close(ends.client);
		send_all(ends.server, response, strlen(response));
		check(send(ends.server, "", 1, MSG_NOSIGNAL) < 0, "no RST");
		close(ends.server);
	}
}

static void vectors(void)
{
	struct ends ends = open_ends();
	char buffer[128];
	struct iovec asked = { (void *)request, strlen(request) };
	struct iovec answered = { (void *)response, strlen(response) };
	struct iovec room[2] = { { buffer, 7 }, { buffer + 7, sizeof(buffer) - 7 } };

	exchange(ends.client, ends.server);
	for (int n = 0; n < 3; n++) {
		check(pwritev2(ends.client, &asked, 1, -1, 0) > 0, "pwritev2");
		check(preadv2(ends.server, room, 2, -1, 0) == (ssize_t)asked.iov_len, "preadv2");
		check(pwritev2(ends.server, &answered, 1, -1, 0) > 0, "pwritev2");
		check(preadv2(ends.client, room, 2, -1, 0) == (ssize_t)answered.iov_len, "preadv2");
	}
	exchange(ends.client, ends.server);
}

#if defined(__x86_64__)
static long narrow_call(long number, long first, const void *second, long third)
{
	long result;

	asm volatile("int $0x80"
		     : "=a"(result)
		     : "a"(number), "b"(first), "c"((long)second), "d"(third)
		     : "memory", "r8", "r9", "r10", "r11");
	return (int)result;
}

/* Of unistd_32.h, and linux/net.h. */
enum {
	NARROW_READ = 3,
	NARROW_WRITE = 4,
	NARROW_SOCKETCALL = 102,
	CALL_SEND = 9,
	CALL_RECV = 10,
	CALL_SENDMSG = 16,
	CALL_RECVMSG = 17,
};

struct narrow {
	char bytes[256];
	unsigned int arguments[4], vector[2], header[7];
};

static void narrow_move(struct narrow *low, int fd, int sends, int kind, const char *bytes)
{
	unsigned int length = strlen(bytes), base = (unsigned long)low->bytes;

	if (sends)
		strcpy(low->bytes, bytes);
	low->vector[0] = base;
	low->vector[1] = length;
	memset(low->header, 0, sizeof(low->header));
	low->header[2] = (unsigned long)low->vector;
	low->header[3] = 1;
	low->arguments[0] = fd;
	low->arguments[1] = kind == 1 ? base : (unsigned long)low->header;
	low->arguments[2] = kind == 1 ? length : 0;
	low->arguments[3] = 0;
	if (kind == 0)
		check(narrow_call(sends ? NARROW_WRITE : NARROW_READ, fd, low->bytes, length) ==
			      (long)length,
		      "a 32-bit call");
	else
		check(narrow_call(NARROW_SOCKETCALL,
				  kind == 1 ? (sends ? CALL_SEND : CALL_RECV) :
					      (sends ? CALL_SENDMSG : CALL_RECVMSG),
				  low->arguments, 0) == (long)length,
		      "socketcall");
}

static void narrow(void)
{
	struct narrow *low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
				  MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	struct ends ends = open_ends();

	check(low != MAP_FAILED, "mmap");
	for (int kind = 0; kind < 3; kind++) {
		narrow_move(low, ends.client, 1, kind, request);
		narrow_move(low, ends.server, 0, kind, request);
		narrow_move(low, ends.server, 1, kind, response);
		narrow_move(low, ends.client, 0, kind, response);
	}
}
#else
static void narrow(void)
{
}
#endif

int main(int argc, char **argv)
{
	socklen_t length = sizeof(address);

	check(argc == 2, "a mode");
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	check(!bind(listener, (void *)&address, sizeof(address)), "bind");
	check(!listen(listener, 16), "listen");
	getsockname(listener, (void *)&address, &length);
	if (!strcmp(argv[1], "swap") || !strcmp(argv[1], "fresh"))
		swap(!strcmp(argv[1], "fresh"));
	else if (!strcmp(argv[1], "files"))
		files();
	else if (!strcmp(argv[1], "abort"))
		abort_ends();
	else if (!strcmp(argv[1], "late"))
		late_responses();
	else if (!strcmp(argv[1], "vectors"))
		vectors();
	else
		narrow();
	return 0;
}
