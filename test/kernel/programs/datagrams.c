/*
 * Datagrams over loopback, as many as each line of standard input says: `sendto 50`. Each step is
 * answered with what was sent and received, in datagrams: "50 0". The first argument is 4 or 6.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/io_uring.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#define SIZE 100
#define MOST 64

static int is_ipv6;
static char data[65536];

static struct sockaddr_storage loopback(int port)
{
	struct sockaddr_storage storage = {};

	if (is_ipv6) {
		struct sockaddr_in6 *address = (void *)&storage;

		address->sin6_family = AF_INET6;
		address->sin6_addr = in6addr_loopback;
		address->sin6_port = htons(port);
	} else {
		struct sockaddr_in *address = (void *)&storage;

		address->sin_family = AF_INET;
		address->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
		address->sin_port = htons(port);
	}
	return storage;
}

static socklen_t length(void)
{
	return is_ipv6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
}

static int open_socket(int type, int port)
{
	struct sockaddr_storage address = loopback(port);
	int fd = socket(is_ipv6 ? AF_INET6 : AF_INET, type, 0);

	if (fd < 0 || (port && bind(fd, (void *)&address, length())))
		exit(3);
	return fd;
}

static int connected(int port)
{
	struct sockaddr_storage address = loopback(port);
	int fd = open_socket(SOCK_DGRAM, 0);

	if (connect(fd, (void *)&address, length()))
		exit(4);
	return fd;
}

/* Receives what has come, and looks at each before. */
static int receive(int fd)
{
	int received = 0;

	while (recv(fd, data, sizeof(data), MSG_PEEK | MSG_DONTWAIT) >= 0) {
		if (recv(fd, data, sizeof(data), MSG_DONTWAIT) < 0)
			exit(5);
		received++;
	}
	return received;
}

static int receive_many(int fd)
{
	struct mmsghdr messages[MOST] = {};
	struct iovec vector = { data, sizeof(data) };
	int received = 0, some;

	for (int n = 0; n < MOST; n++) {
		messages[n].msg_hdr.msg_iov = &vector;
		messages[n].msg_hdr.msg_iovlen = 1;
	}
	while ((some = recvmmsg(fd, messages, MOST, MSG_DONTWAIT, NULL)) > 0)
		received += some;
	return received;
}

static int send_many(int fd, int count)
{
	struct mmsghdr messages[MOST] = {};
	struct iovec vector = { data, SIZE };

	for (int n = 0; n < count; n++) {
		messages[n].msg_hdr.msg_iov = &vector;
		messages[n].msg_hdr.msg_iovlen = 1;
	}
	return sendmmsg(fd, messages, count, 0);
}

/* Sends or receives one datagram by a ring of its own. */
static int by_uring(int fd, int opcode, size_t size)
{
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 1, &params), result;
	struct io_uring_sqe *sqe;
	char *rings;

	if (ring < 0 || !(params.features & IORING_FEAT_SINGLE_MMAP))
		exit(9);
	rings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	if (rings == MAP_FAILED || sqe == MAP_FAILED)
		exit(9);
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)data;
	sqe->len = size;
	*(uint32_t *)(rings + params.sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(rings + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	if (syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) != 1)
		exit(9);
	result = ((struct io_uring_cqe *)(rings + params.cq_off.cqes))->res;
	munmap(rings, 4096);
	munmap(sqe, 4096);
	close(ring);
	return result;
}

/* A call by the 32-bit table: int $0x80. */
static long narrow_call(long number, long a, long b, long c, long d, long e)
{
#if defined(__x86_64__)
	__asm__ volatile("int $0x80"
			 : "+a"(number)
			 : "b"(a), "c"(b), "d"(c), "S"(d), "D"(e)
			 : "memory", "r8", "r9", "r10", "r11");
	return number;
#else
	(void)number, (void)a, (void)b, (void)c, (void)d, (void)e;
	return -ENOSYS;
#endif
}

/* Sets or clears UDP_CORK: natively, by the 32-bit table, or by socketcall(2). */
static void set_cork(int fd, int value, const char *how)
{
	static unsigned int *low;

	if (!strcmp(how, "cork")) {
		if (setsockopt(fd, SOL_UDP, UDP_CORK, &value, sizeof(value)))
			exit(10);
		return;
	}
	if (!low)
		low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	low[0] = fd;
	low[1] = SOL_UDP;
	low[2] = UDP_CORK;
	low[3] = (uintptr_t)(low + 8);
	low[4] = sizeof(value);
	low[8] = value;
	if (!strcmp(how, "cork32") ? narrow_call(366, fd, low[1], low[2], low[3], low[4]) :
				     narrow_call(102, 14, (long)low, 0, 0, 0))
		exit(10);
}

/* A file that ends before the call does: what it has sent is completed by its end. */
static int send_file(int fd)
{
	FILE *file = tmpfile();
	int sent;

	if (!file || write(fileno(file), data, SIZE) != SIZE)
		exit(11);
	lseek(fileno(file), 0, SEEK_SET);
	sent = sendfile(fd, fileno(file), NULL, 2 * SIZE) == SIZE;
	fclose(file);
	return sent;
}

int main(int argc, char **argv)
{
	int server, client, full, size = 1, segment = SIZE, listener = -1, count, port;
	struct sockaddr_storage address;
	char step[32];

	is_ipv6 = argc > 1 && !strcmp(argv[1], "6");
	server = open_socket(SOCK_DGRAM, 7100);
	client = connected(7100);
	full = open_socket(SOCK_DGRAM, 7101);
	setsockopt(full, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	while (scanf("%31s %d", step, &count) == 2) {
		int sent = 0, received = 0;

		if (!strcmp(step, "write")) {
			for (int n = 0; n < count; n++)
				sent += write(client, data, SIZE) == SIZE;
			received = receive(server);
		} else if (!strcmp(step, "sendmmsg")) {
			sent = send_many(client, count);
			received = receive_many(server);
		} else if (!strcmp(step, "uring")) {
			for (int n = 0; n < count; n++) {
				sent += by_uring(client, IORING_OP_SEND, SIZE) == SIZE;
				received += by_uring(server, IORING_OP_RECV, sizeof(data)) == SIZE;
			}
		} else if (!strcmp(step, "more")) {
			for (int n = 0; n < count; n++) {
				send(client, data, SIZE / 2, MSG_MORE);
				sent += send(client, data, SIZE / 2, 0) == SIZE / 2;
			}
			received = receive(server);
		} else if (!strncmp(step, "cork", 4)) {
			for (int n = 0; n < count; n++) {
				set_cork(client, 1, step);
				send(client, data, SIZE / 2, 0);
				sent += send(client, data, SIZE / 2, 0) == SIZE / 2;
				set_cork(client, 0, step);
				/* With nothing to complete. */
				set_cork(client, 0, step);
			}
			received = receive(server);
		} else if (!strcmp(step, "sendfile")) {
			for (int n = 0; n < count; n++)
				sent += send_file(client);
			received = receive(server);
		} else if (!strcmp(step, "unsent")) {
			/* Dropped with their sockets; the next ones have no part of them. */
			for (int n = 0; n < count; n++) {
				int fd = connected(7100);

				send(fd, data, SIZE, MSG_MORE);
				close(fd);
				fd = connected(7100);
				set_cork(fd, 0, "cork");
				close(fd);
			}
			received = receive(server);
		} else if (!strcmp(step, "empty")) {
			for (int n = 0; n < count; n++)
				sent += send(client, data, 0, 0) == 0;
			received = receive(server);
		} else if (!strcmp(step, "segments")) {
			setsockopt(client, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
			for (int n = 0; n < count; n++)
				sent += send(client, data, 10 * SIZE, 0) == 10 * SIZE;
			segment = 0;
			setsockopt(client, SOL_UDP, UDP_SEGMENT, &segment, sizeof(segment));
			received = receive(server);
		} else if (!strcmp(step, "refused")) {
			int fd = connected(7102);

			/* The answer to one is the error of the next. */
			for (int n = 0; n < count; n++) {
				sent += send(fd, data, SIZE, 0) == SIZE;
				if (send(fd, data, SIZE, 0) >= 0 || errno != ECONNREFUSED)
					exit(6);
			}
			close(fd);
		} else if (!strcmp(step, "full")) {
			address = loopback(7101);
			for (int n = 0; n < count; n++)
				sent += sendto(client, data, SIZE, 0, (void *)&address, length()) ==
					SIZE;
		} else if (sscanf(step, "to%d", &port) == 1) {
			address = loopback(port);
			for (int n = 0; n < count; n++)
				sent += sendto(client, data, SIZE, 0, (void *)&address, length()) ==
					SIZE;
		} else if (!strcmp(step, "spread")) {
			/* To 127.0.0.1, 127.0.0.2 and so on. */
			struct sockaddr_in *each = (void *)&address;

			address = loopback(7104);
			for (int n = 0; n < count; n++) {
				each->sin_addr.s_addr = htonl(INADDR_LOOPBACK + n);
				sent += sendto(full, data, SIZE, 0, (void *)each, length()) == SIZE;
			}
		} else if (!strcmp(step, "listen")) {
			listener = open_socket(SOCK_STREAM, 7103);
			if (listen(listener, count))
				exit(7);
		} else if (!strcmp(step, "connect")) {
			address = loopback(7103);
			for (int n = 0; n < count; n++) {
				int fd = open_socket(SOCK_STREAM | SOCK_NONBLOCK, 0);

				sent += !connect(fd, (void *)&address, length()) ||
					errno == EINPROGRESS;
			}
		} else {
			exit(8);
		}
		printf("%d %d\n", sent, received);
		fflush(stdout);
	}
}
