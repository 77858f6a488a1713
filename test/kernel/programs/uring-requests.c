/*
 * `ur-client` makes 11 requests of HTTP to `ur-server`, which receives and sends the first 5
 * through io_uring, the others by read and write.
 */
#include <arpa/inet.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static char request[] = "GET /one HTTP/1.1\r\nHost: x\r\n\r\n";
static char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
static char data[256];

static void check(int is_well, const char *what)
{
	if (!is_well) {
		perror(what);
		exit(1);
	}
}

static int by_uring(int fd, int opcode, void *bytes, size_t size)
{
	struct io_uring_params params = {};
	int ring = syscall(SYS_io_uring_setup, 1, &params), result;
	struct io_uring_sqe *sqe;
	char *rings;

	check(ring >= 0, "io_uring_setup");
	rings = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQ_RING);
	sqe = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_SQES);
	check(rings != MAP_FAILED && sqe != MAP_FAILED, "mmap");
	sqe->opcode = opcode;
	sqe->fd = fd;
	sqe->addr = (uintptr_t)bytes;
	sqe->len = size;
	*(uint32_t *)(rings + params.sq_off.array) = 0;
	__atomic_store_n((uint32_t *)(rings + params.sq_off.tail), 1, __ATOMIC_RELEASE);
	check(syscall(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, NULL, 0) == 1,
	      "io_uring_enter");
	result = ((struct io_uring_cqe *)(rings + params.cq_off.cqes))->res;
	munmap(rings, 4096);
	munmap(sqe, 4096);
	close(ring);
	return result;
}

static void serve(int fd)
{
	int size = sizeof(response) - 1;

	prctl(PR_SET_NAME, "ur-server");
	for (int n = 0; n < 5; n++) {
		check(by_uring(fd, IORING_OP_RECV, data, sizeof(data)) > 0, "receive");
		check(by_uring(fd, IORING_OP_SEND, response, size) == size, "send");
	}
	for (int n = 0; n < 6; n++) {
		check(read(fd, data, sizeof(data)) > 0, "read");
		check(write(fd, response, size) == size, "write");
	}
	check(read(fd, data, sizeof(data)) == 0, "the end");
}

int main(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd, status;
	socklen_t length = sizeof(address);

	check(!bind(listener, (void *)&address, length) && !listen(listener, 1), "listen");
	getsockname(listener, (void *)&address, &length);
	if (!fork()) {
		serve(accept(listener, NULL, NULL));
		return 0;
	}
	prctl(PR_SET_NAME, "ur-client");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!connect(fd, (void *)&address, length), "connect");
	for (int n = 0; n < 11; n++) {
		check(write(fd, request, sizeof(request) - 1) > 0, "ask");
		check(read(fd, data, sizeof(data)) == sizeof(response) - 1, "the response");
	}
	close(fd);
	check(wait(&status) > 0 && !status, "the server");
	return 0;
}
