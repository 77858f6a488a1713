/*
 * A client whose request is on its way, and answered, before its write(2) has returned: the call
 * carries a second request too, with more bytes than the sockets hold, and the server reads those
 * only when the client has received the first response.
 *
 *   l7-early head     the first request is HEAD, and its response names a length
 *   l7-early close    it is GET, and its response ends with the connection
 */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define BODY (4 << 20)

static const char *method, *first_response, *second_response;
static char request[BODY + 512];
static size_t first_length, length;
static int is_until_close, listener;
static struct sockaddr_in address;
static pthread_barrier_t first_received;

static void check(int is_well, const char *what)
{
	if (!is_well) {
		perror(what);
		exit(1);
	}
}

static void receive(int fd, size_t bytes)
{
	char buffer[65536];

	while (bytes > 0) {
		ssize_t more = recv(fd, buffer, bytes < sizeof(buffer) ? bytes : sizeof(buffer), 0);

		check(more > 0, "recv");
		bytes -= more;
	}
}

static void send_text(int fd, const char *text)
{
	check(send(fd, text, strlen(text), 0) == (ssize_t)strlen(text), "send");
}

static void *serve(void *unused)
{
	int fd = accept(listener, NULL, NULL);

	check(fd >= 0, "accept");
	receive(fd, first_length);
	send_text(fd, first_response);
	if (is_until_close)
		check(!shutdown(fd, SHUT_WR), "shutdown");
	pthread_barrier_wait(&first_received);
	receive(fd, length - first_length);
	if (!is_until_close)
		send_text(fd, second_response);
	close(fd);
	return NULL;
}

static void *ask(void *fd)
{
	check(write(*(int *)fd, request, length) == (ssize_t)length, "write");
	return NULL;
}

int main(int argc, char **argv)
{
	socklen_t size = sizeof(address);
	pthread_t server, asker;
	char byte;
	int fd;

	if (argc != 2)
		return 2;
	is_until_close = !strcmp(argv[1], "close");
	method = is_until_close ? "GET" : "HEAD";
	first_response = is_until_close ?
				 "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall there is" :
				 "HTTP/1.1 200 OK\r\nContent-Length: 612\r\n\r\n";
	second_response = "HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\nok";
	first_length = sprintf(request, "%s / HTTP/1.1\r\nHost: x\r\n\r\n", method);
	length = first_length + BODY +
		 sprintf(request + first_length,
			 "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n", BODY);
	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	listener = socket(AF_INET, SOCK_STREAM, 0);
	size = 4096;
	setsockopt(listener, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	size = sizeof(address);
	check(!bind(listener, (void *)&address, size) && !listen(listener, 1), "listen");
	getsockname(listener, (void *)&address, &size);
	pthread_barrier_init(&first_received, NULL, 2);
	check(!pthread_create(&server, NULL, serve, NULL), "a thread");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!connect(fd, (void *)&address, size), "connect");
	check(!pthread_create(&asker, NULL, ask, &fd), "a thread");
	receive(fd, strlen(first_response));
	if (is_until_close)
		check(recv(fd, &byte, 1, 0) == 0, "the end");
	pthread_barrier_wait(&first_received);
	pthread_join(asker, NULL);
	if (!is_until_close)
		receive(fd, strlen(second_response));
	pthread_join(server, NULL);
	close(fd);
	return 0;
}
