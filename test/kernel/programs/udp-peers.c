/*
 * Datagrams between two ends, one step a line of standard input: `sendto 10.1.0.1 8080 20`. A
 * socket at that address and port gets so many datagrams of 100 bytes, sent in that way. Then it
 * connects to the sender, which gets as many of 10 bytes. Each step is answered with "ok". What is
 * called `sendto32` and so on are those calls by socketcall(2), as 32-bit programs make them.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#define QUESTION 100
#define ANSWER 10
#define MOST 64

static char data[QUESTION];
static struct sockaddr_storage to;
static socklen_t length;

static void check(int succeeded, const char *what)
{
	if (!succeeded) {
		perror(what);
		exit(1);
	}
}

static void parse(const char *address, int port)
{
	struct sockaddr_in6 *ipv6 = (void *)&to;
	struct sockaddr_in *ipv4 = (void *)&to;

	memset(&to, 0, sizeof(to));
	if (strchr(address, ':')) {
		ipv6->sin6_family = AF_INET6;
		ipv6->sin6_port = htons(port);
		length = sizeof(*ipv6);
		check(inet_pton(AF_INET6, address, &ipv6->sin6_addr) == 1, "address");
	} else {
		ipv4->sin_family = AF_INET;
		ipv4->sin_port = htons(port);
		length = sizeof(*ipv4);
		check(inet_pton(AF_INET, address, &ipv4->sin_addr) == 1, "address");
	}
}

/* socketcall(2) by int $0x80; linux/net.h has the numbers of the calls within. */
enum {
	CALL_SENDTO = 11,
	CALL_RECVFROM,
	CALL_SENDMSG = 16,
	CALL_RECVMSG,
	CALL_RECVMMSG = 19,
	CALL_SENDMMSG
};

static long socketcall(int call, const uint32_t *arguments)
{
	long result = -ENOSYS;

#if defined(__x86_64__)
	__asm__ volatile("int $0x80"
			 : "=a"(result)
			 : "a"(102L), "b"((long)call), "c"(arguments)
			 : "memory", "r8", "r9", "r10", "r11");
#endif
	(void)call, (void)arguments;
	return result;
}

/* What such a call has in memory that it can reach. */
struct narrow {
	uint32_t arguments[6], vector[2];
	struct {
		uint32_t name, name_length, vectors, count, control, control_length, flags, length;
	} messages[MOST];
	struct sockaddr_storage names[MOST];
	char bytes[QUESTION];
};

/* Sends to `to`, or receives, `count` datagrams; `from`: where the last one comes from. */
static void move_narrow(int fd, const char *how, int count, struct sockaddr_storage *from)
{
	static struct narrow *low;
	int is_batch = !strcmp(how, "sendmmsg32"), call;

	if (!low)
		low = mmap(NULL, sizeof(*low), PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	check(low != MAP_FAILED, "mmap");
	memset(low, 0, sizeof(*low));
	low->vector[0] = (uintptr_t)low->bytes;
	low->vector[1] = QUESTION;
	for (int n = 0; n < MOST; n++) {
		low->names[n] = to;
		low->messages[n].name = (uintptr_t)&low->names[n];
		low->messages[n].name_length = from ? sizeof(to) : length;
		low->messages[n].vectors = (uintptr_t)low->vector;
		low->messages[n].count = 1;
	}
	low->arguments[0] = fd;
	low->arguments[1] = (uintptr_t)low->messages;
	if (is_batch) {
		low->arguments[2] = count;
		call = from ? CALL_RECVMMSG : CALL_SENDMMSG;
		check(socketcall(call, low->arguments) == count, how);
	} else if (!strcmp(how, "sendmsg32")) {
		call = from ? CALL_RECVMSG : CALL_SENDMSG;
		for (int n = 0; n < count; n++)
			check(socketcall(call, low->arguments) == QUESTION, how);
	} else {
		low->arguments[1] = (uintptr_t)low->bytes;
		low->arguments[2] = QUESTION;
		low->arguments[4] = (uintptr_t)low->names;
		low->arguments[5] = from ? (uintptr_t)&low->messages[0].name_length : length;
		call = from ? CALL_RECVFROM : CALL_SENDTO;
		for (int n = 0; n < count; n++)
			check(socketcall(call, low->arguments) == QUESTION, how);
	}
	if (from)
		*from = low->names[is_batch ? count - 1 : 0];
}

static void send_all(int fd, const char *how, int count)
{
	struct iovec vector = { data, QUESTION };
	struct mmsghdr messages[MOST] = {};
	struct msghdr message = { .msg_iov = &vector, .msg_iovlen = 1 };

	if (strstr(how, "32")) {
		move_narrow(fd, how, count, NULL);
		return;
	}
	if (!strcmp(how, "sendmmsg")) {
		for (int n = 0; n < count; n++) {
			messages[n].msg_hdr = message;
			messages[n].msg_hdr.msg_name = &to;
			messages[n].msg_hdr.msg_namelen = length;
		}
		check(sendmmsg(fd, messages, count, 0) == count, "sendmmsg");
		return;
	}
	for (int n = 0; n < count; n++) {
		if (!strcmp(how, "sendto")) {
			check(sendto(fd, data, QUESTION, 0, (void *)&to, length) == QUESTION, how);
		} else if (!strcmp(how, "sendmsg")) {
			message.msg_name = &to;
			message.msg_namelen = length;
			check(sendmsg(fd, &message, 0) == QUESTION, how);
		} else {
			check(write(fd, data, QUESTION) == QUESTION, how);
		}
	}
}

/* Receives them in the same way, and where the last one comes from. */
static void receive_all(int fd, const char *how, int count, struct sockaddr_storage *from)
{
	struct sockaddr_storage names[MOST];
	struct mmsghdr messages[MOST] = {};
	struct iovec vector = { data, QUESTION };
	struct msghdr message = { .msg_name = from, .msg_iov = &vector, .msg_iovlen = 1 };
	socklen_t from_length;

	if (strstr(how, "32")) {
		move_narrow(fd, how, count, from);
		return;
	}
	if (!strcmp(how, "sendmmsg")) {
		for (int n = 0; n < count; n++) {
			messages[n].msg_hdr = message;
			messages[n].msg_hdr.msg_name = &names[n];
			messages[n].msg_hdr.msg_namelen = sizeof(names[n]);
		}
		check(recvmmsg(fd, messages, count, 0, NULL) == count, "recvmmsg");
		*from = names[count - 1];
		return;
	}
	for (int n = 0; n < count; n++) {
		from_length = sizeof(*from);
		message.msg_namelen = sizeof(*from);
		if (!strcmp(how, "sendmsg"))
			check(recvmsg(fd, &message, 0) == QUESTION, "recvmsg");
		else
			check(recvfrom(fd, data, QUESTION, 0, (void *)from, &from_length) ==
				      QUESTION,
			      "recvfrom");
	}
}

int main(void)
{
	char how[32], address[64];
	int port, count;

	while (scanf("%31s %63s %d %d", how, address, &port, &count) == 4) {
		struct sockaddr_storage from;
		int server, client, is_connected = !strcmp(how, "write");

		check(count <= MOST, "count");
		parse(address, port);
		server = socket(to.ss_family, SOCK_DGRAM, 0);
		client = socket(to.ss_family, SOCK_DGRAM, 0);
		check(!bind(server, (void *)&to, length), "bind");
		if (is_connected)
			check(!connect(client, (void *)&to, length), "connect");
		send_all(client, how, count);
		receive_all(server, how, count, &from);
		check(!connect(server, (void *)&from, length), "connect back");
		for (int n = 0; n < count; n++) {
			check(write(server, data, ANSWER) == ANSWER, "write");
			check(recv(client, data, QUESTION, 0) == ANSWER, "recv");
		}
		close(server);
		close(client);
		puts("ok");
		fflush(stdout);
	}
	return 0;
}
