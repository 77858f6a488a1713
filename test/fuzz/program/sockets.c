/* Socket operations. By a socket's cookie the kernel's count of its bytes finds its owner. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "fuzz.h"

#define CLOSED_PORT 9 /* nothing listens there */

static uint64_t cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t size = sizeof(cookie);

	getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &size);
	return cookie;
}

/* The state of a socket, as include/net/tcp_states.h numbers it. */
static int state_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size);
	return info.tcpi_state;
}

static int *place(const char *word)
{
	return &sockets[number(word) % SOCKETS];
}

static int family_of(int fd)
{
	int family = 0;
	socklen_t size = sizeof(family);

	getsockopt(fd, SOL_SOCKET, SO_DOMAIN, &family, &size);
	return family;
}

/*
 * The address of a destination, of the socket's family: `l<N>` (a listener's port, else a closed
 * one), `closed`, `silent`, `noroute`; `m…`: IPv4 from a socket of IPv6.
 */
static socklen_t address_of(int fd, const char *word, struct sockaddr_storage *to)
{
	struct sockaddr_in *four = (void *)to;
	struct sockaddr_in6 *six = (void *)to;
	bool is_six = family_of(fd) == AF_INET6, is_mapped = is_six && word[0] == 'm';
	const char *ip = is_six && !is_mapped ? "::1" : "127.0.0.1";
	char mapped[64];
	int port = CLOSED_PORT;

	memset(to, 0, sizeof(*to));
	if (word[0] == 'm')
		word++;
	if (word[0] == 'l' && shared->ports[number(word + 1) % LISTENERS])
		port = shared->ports[number(word + 1) % LISTENERS];
	if (is_word(word, "silent"))
		ip = is_six && !is_mapped ? "2001:db8::2" : "198.51.100.2";
	if (is_word(word, "noroute"))
		ip = is_six && !is_mapped ? "2001:db8:1::2" : "203.0.113.2";
	if (!is_six) {
		four->sin_family = AF_INET;
		four->sin_port = htons((uint16_t)port);
		inet_pton(AF_INET, ip, &four->sin_addr);
		return sizeof(*four);
	}
	six->sin6_family = AF_INET6;
	six->sin6_port = htons((uint16_t)port);
	snprintf(mapped, sizeof(mapped), "%s%s", is_mapped ? "::ffff:" : "", ip);
	inet_pton(AF_INET6, mapped, &six->sin6_addr);
	return sizeof(*six);
}

/* socket PLACE 4|6 */
static void do_socket(const struct op *op)
{
	struct timeval limit = { .tv_usec = 10000 };
	int one = 1, *fd = place(op->args[0]);

	if (*fd >= 0)
		return;
	*fd = socket(is_word(op->args[1], "6") ? AF_INET6 : AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (*fd < 0)
		fail("socket");
	/* What is sent goes out at once; what blocks gives up. */
	setsockopt(*fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(*fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(*fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
}

/* listen PLACE LISTENER BACKLOG */
static void do_listen(int fd, const struct op *op)
{
	struct sockaddr_in6 at = { .sin6_family = (sa_family_t)family_of(fd) };
	socklen_t size = sizeof(at);

	if (bind(fd, (void *)&at,
		 at.sin6_family == AF_INET6 ? sizeof(at) : sizeof(struct sockaddr_in)) ||
	    listen(fd, (int)number(op->args[2])))
		return;
	if (!getsockname(fd, (void *)&at, &size))
		shared->ports[number(op->args[1]) % LISTENERS] = ntohs(at.sin6_port);
}

/* A connect to this machine ends at once; a softirq may still have to be run. */
static int state_after(int fd, const char *to)
{
	int state = state_of(fd);

	for (int i = 0; i < 50 && state == STATE_SYN_SENT && !strstr(to, "silent"); i++) {
		usleep(1000);
		state = state_of(fd);
	}
	return state;
}

static long connect_by(const char *way, int fd, const struct sockaddr_storage *to, socklen_t size,
		       long bytes)
{
	static char data[4096];

	if (is_word(way, "uring"))
		return connect_by_uring(fd, to, size);
	if (is_word(way, "fastopen"))
		return sendto(fd, data, (size_t)bytes % sizeof(data), MSG_FASTOPEN,
			      (const struct sockaddr *)to, size);
	return connect(fd, (const struct sockaddr *)to, size);
}

/* connect PLACE DESTINATION, uring PLACE DESTINATION, fastopen PLACE DESTINATION BYTES */
static void do_connect(int worker, int fd, const struct op *op)
{
	struct sockaddr unspecified = { .sa_family = AF_UNSPEC };
	struct worker *me = &shared->workers[worker];
	struct sockaddr_storage to;
	socklen_t size = address_of(fd, op->args[1], &to);
	uint64_t cookie = cookie_of(fd);
	struct entry *entry = log_call(worker, "begin", 0);
	/* Whatever becomes of the descriptor. */
	int kept = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	long ret;

	entry->a = cookie;
	entry->b = (uint64_t)state_of(fd);
	strcpy(entry->word, op->name);
	/* io_uring either reports an attempt that has failed, or begins another: io_connect(). */
	if (is_word(op->name, "uring") && entry->b == STATE_CLOSE)
		connect(fd, &unspecified, sizeof(unspecified));
	if (family_of(fd) == AF_INET6 && op->args[1][0] != 'm')
		entry->b |= 1 << 16;
	me->is_in_call = true;
	ret = connect_by(op->name, fd, &to, size, number(op->args[2]));
	me->is_in_call = false;
	entry = log_call(worker, op->name, ret);
	entry->a = cookie;
	entry->b = (uint64_t)state_after(kept, op->args[1]);
	close(kept);
}

/* accept PLACE NEW */
static void do_accept(int worker, int fd, const struct op *op)
{
	struct sockaddr_storage from;
	socklen_t size = sizeof(from);
	int *new = place(op->args[1]);
	struct worker *me = &shared->workers[worker];
	struct timeval limit = { .tv_usec = 10000 };
	struct entry *entry;
	int one = 1, taken;

	if (*new >= 0)
		return;
	me->is_in_call = true;
	taken = accept4(fd, (void *)&from, &size, SOCK_CLOEXEC);
	me->is_in_call = false;
	entry = log_call(worker, "accept", taken);
	if (taken < 0)
		return;
	*new = taken;
	setsockopt(taken, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
	setsockopt(taken, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	setsockopt(taken, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	entry->a = cookie_of(taken);
	entry->b = from.ss_family == AF_INET6 &&
		   !IN6_IS_ADDR_V4MAPPED(&((struct sockaddr_in6 *)&from)->sin6_addr);
}

/* pass PLACE WORKER NEW: to a worker of another process, or of the same; `get` there takes it. */
static void do_pass(int fd, const struct op *op)
{
	char control[CMSG_SPACE(sizeof(int))] = { 0 }, byte = 0;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &fd, sizeof(fd));
	sendmsg(shared->channels[number(op->args[1]) % WORKERS][0], &message, MSG_DONTWAIT);
}

/* get PLACE */
static void do_get(int worker, const struct op *op)
{
	char control[CMSG_SPACE(sizeof(int))], byte;
	struct iovec part = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &part,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	int *fd = place(op->args[0]);

	if (*fd >= 0)
		return;
	if (recvmsg(shared->channels[worker][1], &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC) == 1 &&
	    CMSG_FIRSTHDR(&message))
		memcpy(fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(*fd));
}

static void do_send(int worker, int fd, const struct op *op)
{
	static char data[4096];
	uint64_t cookie = cookie_of(fd);
	long ret = send(fd, data, (size_t)number(op->args[1]) % sizeof(data),
			MSG_NOSIGNAL | MSG_DONTWAIT);

	log_call(worker, "send", ret)->a = cookie;
}

static void do_other(int worker, int *fd, const struct op *op)
{
	static const struct linger at_once = { .l_onoff = 1 };
	struct sockaddr unspecified = { .sa_family = AF_UNSPEC };
	char data[4096];
	socklen_t size = sizeof(int);
	int error = 0, *other;
	struct entry *entry;
	uint64_t cookie;
	int before;

	if (is_word(op->name, "shutdown") || is_word(op->name, "unspec")) {
		cookie = cookie_of(*fd);
		before = state_of(*fd);
		entry = log_call(worker, op->name,
				 is_word(op->name, "shutdown") ?
					 shutdown(*fd, (int)number(op->args[1])) :
					 connect(*fd, &unspecified, sizeof(unspecified)));
		entry->a = cookie;
		entry->b = (uint64_t)before;
	} else if (is_word(op->name, "close")) {
		close(*fd);
		*fd = -1;
	} else if (is_word(op->name, "dup")) {
		other = place(op->args[1]);
		if (*other < 0)
			*other = fcntl(*fd, F_DUPFD_CLOEXEC, 0);
	} else if (is_word(op->name, "linger")) {
		setsockopt(*fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	} else if (is_word(op->name, "nonblock")) {
		fcntl(*fd, F_SETFL, O_NONBLOCK);
	} else if (is_word(op->name, "recv")) {
		recv(*fd, data, sizeof(data), MSG_DONTWAIT);
	} else if (is_word(op->name, "error")) {
		getsockopt(*fd, SOL_SOCKET, SO_ERROR, &error, &size);
	}
}

bool do_socket_op(int worker, const struct op *op)
{
	static const char *names[] = { "listen", "connect",  "uring",	 "fastopen", "accept",
				       "pass",	 "send",     "shutdown", "close",    "dup",
				       "linger", "nonblock", "recv",	 "error",    "unspec" };
	bool is_known = false;
	int *fd = place(op->args[0]);

	if (is_word(op->name, "socket") || is_word(op->name, "get")) {
		if (is_word(op->name, "get"))
			do_get(worker, op);
		else
			do_socket(op);
		return true;
	}
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
		is_known |= is_word(op->name, names[i]);
	if (!is_known || *fd < 0)
		return is_known;
	if (is_word(op->name, "listen"))
		do_listen(*fd, op);
	else if (is_word(op->name, "connect") || is_word(op->name, "uring") ||
		 is_word(op->name, "fastopen"))
		do_connect(worker, *fd, op);
	else if (is_word(op->name, "accept"))
		do_accept(worker, *fd, op);
	else if (is_word(op->name, "pass"))
		do_pass(*fd, op);
	else if (is_word(op->name, "send"))
		do_send(worker, *fd, op);
	else
		do_other(worker, fd, op);
	return true;
}
