/*
 * Active opens, begun and ended in every way, for test/kernel/signals/tcp/attempts.test.ts.
 *
 *   tcp-attempts ADDRESS PORT BEGIN END COUNT
 *
 * COUNT times: makes a socket, begins to connect it to ADDRESS (IPv6 if it has a colon) and PORT
 * (0: a listener of its own that never accepts) as BEGIN says, and goes on as END says.
 *
 * BEGIN  connect, connect32       blocking; by int $0x80
 *        socketcall, socketcall-poll  by socketcall(2), as 32-bit programs have it, blocking or
 *                                 not; so are its accept(2) and getsockopt(2)
 *        poll                     non-blocking
 *        defer                    with TCP_FASTOPEN_CONNECT and NO_COOKIE, non-blocking
 *        defer-cookie             the same with a cookie from the server: it connects once before
 *        defer-blocking           as defer, blocking
 *        sendto, sendto32, sendmsg, sendmmsg  with MSG_FASTOPEN, non-blocking
 *        sendto-blocking
 *        uring, uring-worker, uring-timeout   io_uring: as it likes, from a worker, given up after
 *                                             100 ms by a linked time-out
 *        mptcp                    non-blocking, an MPTCP socket
 *        repair                   with TCP_REPAIR
 * END    close, unspec, shutdown, exit, kill  at once
 *        wait                     waits for the outcome, and reads it with SO_ERROR
 *        wait-blind               waits, reads nothing
 *        wait-receive             waits, reads it with recv(2)
 *        again                    waits, reads it with connect(2), which fails once more
 *        write                    writes, and then waits
 *        write-close              writes
 *        write-later              says "ready", writes when standard input has ended, and waits
 *        waiters                  three threads are in the connect(2), for blocking ones
 *        moved                    another socket takes the descriptor meanwhile, for blocking ones
 *        anew                     shuts it down, for blocking ones while another thread waits in
 *                                 connect(2), and connects it to port 9003
 *        unreachable              waits, and asks for an address without a route
 *        talk                     accepts it itself, sends a byte each way, says "ready" after the
 *                                 last, and waits until standard input ends
 *        bad-address              writes, waits, and passes connect(2) a bad pointer
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#ifndef TCP_FASTOPEN_NO_COOKIE
#define TCP_FASTOPEN_NO_COOKIE 34
#endif
#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

static const char *begin, *end;
static int listener;
static struct sockaddr *to;
static char *data;
static socklen_t to_size;

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static int is(const char *word, const char *other)
{
	return !strcmp(word, other);
}

/* Memory that int $0x80 reaches. */
static void *low(size_t size)
{
	void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT,
			-1, 0);

	if (at == MAP_FAILED)
		die("mmap");
	return at;
}

static long call32(long number, long a, long b, long c, long d, long e, long f)
{
#if defined(__x86_64__)
	register long bp __asm__("r12") = f;

	__asm__ volatile("push %%rbp; mov %%r12, %%rbp; int $0x80; pop %%rbp"
			 : "+a"(number)
			 : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e), "r"(bp)
			 : "memory");
	return number;
#else
	(void)number, (void)a, (void)b, (void)c, (void)d, (void)e, (void)f;
	return -ENOSYS;
#endif
}

/* The call of a number of linux/net.h. */
static long socketcall(long call, int a, int b, int c, int d)
{
	int *arguments = (int *)(data + 1024);

	arguments[0] = a;
	arguments[1] = b;
	arguments[2] = c;
	arguments[3] = d;
	arguments[4] = (long)(arguments + 8); /* of getsockopt(2): the length of an int */
	arguments[8] = sizeof(int);
	return call32(102, call, (long)arguments, 0, 0, 0, 0);
}

static int by_socketcall(void)
{
	return !strncmp(begin, "socketcall", 10);
}

static void set(int fd, int level, int option)
{
	int one = 1;

	if (setsockopt(fd, level, option, &one, sizeof(one)))
		die("setsockopt");
}

/* One request of an io_uring of its own, a connect; with a time-out, linked, if `limited`. */
static int connect_by_uring(int fd, int from_worker, int limited)
{
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 4, &params), wanted = limited ? 2 : 1, result = 0;
	struct __kernel_timespec limit = { .tv_nsec = 100000000 };

	if (ring < 0)
		die("io_uring_setup");
	char *sq = mmap(NULL, params.sq_off.array + params.sq_entries * sizeof(__u32),
			PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	char *cq = mmap(NULL, params.cq_off.cqes + params.cq_entries * sizeof(struct io_uring_cqe),
			PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	struct io_uring_sqe *sqes = mmap(NULL, params.sq_entries * sizeof(*sqes),
					 PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	__u32 *array = (void *)(sq + params.sq_off.array);
	struct io_uring_cqe *cqes = (void *)(cq + params.cq_off.cqes);

	memset(sqes, 0, 2 * sizeof(*sqes));
	sqes[0].opcode = IORING_OP_CONNECT;
	sqes[0].fd = fd;
	sqes[0].addr = (unsigned long)to;
	sqes[0].off = to_size;
	sqes[0].flags = (from_worker ? IOSQE_ASYNC : 0) | (limited ? IOSQE_IO_LINK : 0);
	sqes[0].user_data = 1;
	sqes[1].opcode = IORING_OP_LINK_TIMEOUT;
	sqes[1].fd = -1;
	sqes[1].addr = (unsigned long)&limit;
	sqes[1].len = 1;
	array[0] = 0;
	array[1] = 1;
	__atomic_store_n((__u32 *)(sq + params.sq_off.tail), wanted, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, wanted, wanted, IORING_ENTER_GETEVENTS, NULL, 0) < 0)
		die("io_uring_enter");
	for (int i = 0; i < wanted; i++)
		if (cqes[i].user_data == 1)
			result = cqes[i].res;
	close(ring);
	return result;
}

static int new_socket(void)
{
	int protocol = is(begin, "mptcp") ? IPPROTO_MPTCP : 0;
	int blocks = is(begin, "connect") || is(begin, "connect32") || is(begin, "socketcall") ||
		     strstr(begin, "blocking") || strstr(begin, "uring");
	int fd = socket(to->sa_family, SOCK_STREAM | (blocks ? 0 : SOCK_NONBLOCK), protocol);

	if (fd < 0)
		die("socket");
	if (is(begin, "repair"))
		set(fd, IPPROTO_TCP, TCP_REPAIR);
	if (!strncmp(begin, "defer", 5))
		set(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT);
	if ((!strncmp(begin, "defer", 5) && !is(begin, "defer-cookie")) ||
	    !strncmp(begin, "send", 4))
		set(fd, IPPROTO_TCP, TCP_FASTOPEN_NO_COOKIE);
	return fd;
}

static void begin_connect(int fd)
{
	struct iovec piece = { .iov_base = data, .iov_len = 4 };
	struct mmsghdr message = { .msg_hdr = { .msg_name = to,
						.msg_namelen = to_size,
						.msg_iov = &piece,
						.msg_iovlen = 1 } };

	if (is(begin, "connect32"))
		call32(362, fd, (long)to, to_size, 0, 0, 0);
	else if (by_socketcall())
		socketcall(3, fd, (long)to, to_size, 0);
	else if (is(begin, "sendto32"))
		call32(369, fd, (long)to, 4, MSG_FASTOPEN, (long)to, to_size);
	else if (!strncmp(begin, "sendto", 6))
		sendto(fd, data, 4, MSG_FASTOPEN | MSG_NOSIGNAL, to, to_size);
	else if (is(begin, "sendmsg"))
		sendmsg(fd, &message.msg_hdr, MSG_FASTOPEN | MSG_NOSIGNAL);
	else if (is(begin, "sendmmsg"))
		sendmmsg(fd, &message, 1, MSG_FASTOPEN | MSG_NOSIGNAL);
	else if (!strncmp(begin, "uring", 5))
		connect_by_uring(fd, is(begin, "uring-worker"), is(begin, "uring-timeout"));
	else
		connect(fd, to, to_size);
}

static void *wait_in_connect(void *fd)
{
	connect(*(int *)fd, to, to_size);
	return NULL;
}

static void wait_for_outcome(int fd)
{
	struct pollfd ready = { .fd = fd, .events = POLLOUT };

	poll(&ready, 1, -1);
	fcntl(fd, F_SETFL, O_NONBLOCK);
}

static void talk(int fd)
{
	int other = by_socketcall() ? socketcall(5, listener, 0, 0, 0) :
				      accept(listener, NULL, NULL);
	char byte;

	wait_for_outcome(fd);
	fcntl(fd, F_SETFL, 0);
	if (other < 0 || write(fd, data, 1) != 1 || read(other, &byte, 1) != 1 ||
	    write(other, data, 1) != 1 || read(fd, &byte, 1) != 1)
		die("talk");
}

static void connect_anew(int fd)
{
	/* The port is at the same place in both families' addresses. */
	((struct sockaddr_in *)to)->sin_port = htons(9003);
	if (shutdown(fd, SHUT_RDWR))
		die("shutdown");
	connect(fd, to, to_size);
	wait_for_outcome(fd);
}

static void go_on(int fd)
{
	struct sockaddr_in nowhere = { .sin_family = AF_INET,
				       .sin_port = htons(80),
				       .sin_addr.s_addr = inet_addr("192.0.2.1") };
	struct sockaddr none = { .sa_family = AF_UNSPEC };
	char byte;
	int error;
	socklen_t size = sizeof(error);

	if (is(end, "unspec"))
		connect(fd, &none, sizeof(none));
	if (is(end, "write-later")) {
		puts("ready");
		fflush(stdout);
		read(0, data, 1);
	}
	if (is(end, "talk"))
		talk(fd);
	if (is(end, "anew"))
		connect_anew(fd);
	if (is(end, "shutdown"))
		shutdown(fd, SHUT_RDWR);
	if (is(end, "kill"))
		raise(SIGKILL);
	if (!strncmp(end, "write", 5) || is(end, "bad-address"))
		send(fd, data, 4, MSG_NOSIGNAL);
	if (!strncmp(end, "wait", 4) || is(end, "again") || is(end, "write") ||
	    is(end, "write-later") || is(end, "unreachable") || is(end, "bad-address"))
		wait_for_outcome(fd);
	if (is(end, "wait") && by_socketcall())
		socketcall(15, fd, SOL_SOCKET, SO_ERROR, (long)(data + 512));
	else if (is(end, "wait") || is(end, "unreachable"))
		getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	if (is(end, "wait-receive"))
		recv(fd, &byte, 1, MSG_DONTWAIT);
	if (is(end, "bad-address"))
		connect(fd, (void *)8, to_size);
	if (is(end, "unreachable")) {
		/* The first says that the earlier attempt has failed. */
		connect(fd, to, to_size);
		connect(fd, (void *)&nowhere, sizeof(nowhere));
	}
	/* Once for the error, once for that there is none; a third would be an attempt. */
	if (is(end, "again"))
		while (connect(fd, to, to_size) && errno == EALREADY)
			usleep(10000);
}

/* For blocking calls: others are at the same descriptor while it waits. */
static void begin_beside_others(int fd)
{
	pthread_t threads[3];
	int count = is(end, "waiters") ? 3 : 1;

	for (int i = 0; i < count; i++) {
		pthread_create(&threads[i], NULL, wait_in_connect, &fd);
		usleep(100000);
	}
	if (is(end, "moved")) {
		int other = socket(to->sa_family, SOCK_STREAM, 0);

		dup2(other, fd);
		close(other);
	}
	if (is(end, "anew"))
		connect_anew(fd);
	for (int i = 0; i < count; i++)
		pthread_join(threads[i], NULL);
}

static int listen_here(void)
{
	int fd = socket(to->sa_family, SOCK_STREAM, is(begin, "mptcp") ? IPPROTO_MPTCP : 0);
	int queue = 16;

	if (setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN, &queue, sizeof(queue)) && !is(begin, "mptcp"))
		die("TCP_FASTOPEN");
	if (bind(fd, to, to_size) || listen(fd, 64) || getsockname(fd, to, &to_size))
		die("listen");
	return fd;
}

int main(int argc, char **argv)
{
	struct sockaddr_in6 *in6;
	struct sockaddr_in *in;
	int count, fd = -1;

	if (argc != 6)
		return 2;
	begin = argv[3];
	end = argv[4];
	count = atoi(argv[5]);
	to = low(4096);
	data = (char *)to + 2048;
	in = (void *)to;
	in6 = (void *)to;
	if (strchr(argv[1], ':')) {
		in6->sin6_family = AF_INET6;
		in6->sin6_port = htons(atoi(argv[2]));
		inet_pton(AF_INET6, argv[1], &in6->sin6_addr);
		to_size = sizeof(*in6);
	} else {
		in->sin_family = AF_INET;
		in->sin_port = htons(atoi(argv[2]));
		inet_pton(AF_INET, argv[1], &in->sin_addr);
		to_size = sizeof(*in);
	}
	if (is(argv[2], "0"))
		listener = listen_here();
	if (is(begin, "defer-cookie")) {
		fd = new_socket();
		fcntl(fd, F_SETFL, 0);
		begin_connect(fd);
		close(fd);
	}
	for (int i = 0; i < count; i++) {
		fd = new_socket();
		if (is(end, "waiters") || is(end, "moved") ||
		    (is(end, "anew") && is(begin, "connect"))) {
			begin_beside_others(fd);
		} else {
			begin_connect(fd);
			go_on(fd);
		}
		if (!is(end, "exit") && !is(end, "talk"))
			close(fd);
	}
	if (is(end, "talk")) {
		puts("ready");
		fflush(stdout);
		return read(0, data, 1);
	}
	return 0;
}
