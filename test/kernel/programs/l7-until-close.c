/*
 * Both ends of connections whose response ends with the connection, and who ends it how:
 *
 *   l7-until-close server-closes    the server closes it
 *   l7-until-close half-closed      the same, after the client has closed its own direction
 *   l7-until-close server-resets    the server resets it
 *   l7-until-close client-closes    the client closes it while the response is under way
 *   l7-until-close client-leaves    the same, and then the server closes it too
 *   l7-until-close client-resets    the client resets it
 */
#include <arpa/inet.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static const char request[] = "GET / HTTP/1.1\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nsome of it";

static void check(int is_well, const char *what)
{
	if (!is_well) {
		perror(what);
		exit(1);
	}
}

static void carry(int from, int to, const char *text, size_t length)
{
	char buffer[128];

	check(send(from, text, length, 0) == (ssize_t)length, "send");
	check(recv(to, buffer, length, MSG_WAITALL) == (ssize_t)length, "recv");
}

static void reset(int fd)
{
	struct linger linger = { .l_onoff = 1 };

	check(!setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger)), "SO_LINGER");
	close(fd);
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(address);
	int listener = socket(AF_INET, SOCK_STREAM, 0), client, server, is_clients;
	struct pollfd ended = {};
	char byte;

	if (argc != 2)
		return 2;
	check(!bind(listener, (void *)&address, size) && !listen(listener, 1), "listen");
	check(!getsockname(listener, (void *)&address, &size), "getsockname");
	client = socket(AF_INET, SOCK_STREAM, 0);
	check(!connect(client, (void *)&address, size), "connect");
	server = accept(listener, NULL, NULL);
	check(server >= 0, "accept");
	carry(client, server, request, sizeof(request) - 1);
	carry(server, client, response, sizeof(response) - 1);

	is_clients = !strncmp(argv[1], "client", 6);
	if (strstr(argv[1], "resets")) {
		reset(is_clients ? client : server);
		check(recv(is_clients ? server : client, &byte, 1, 0) < 0, "no reset");
	} else if (!strcmp(argv[1], "client-leaves")) {
		close(client);
		check(!recv(server, &byte, 1, 0), "no end");
	} else if (is_clients) {
		close(client);
		check(!recv(server, &byte, 1, 0), "no end");
		/* What it sends now is answered by a reset, of which poll(2) tells. */
		check(send(server, "more", 4, MSG_NOSIGNAL) == 4, "send");
		ended.fd = server;
		check(poll(&ended, 1, 10000) == 1, "no reset");
	} else {
		if (!strcmp(argv[1], "half-closed")) {
			check(!shutdown(client, SHUT_WR), "shutdown");
			check(!recv(server, &byte, 1, 0), "no end");
		}
		close(server);
		/* The client need not read the end: it may know by poll(2). */
		ended.fd = client;
		ended.events = POLLRDHUP;
		check(poll(&ended, 1, 10000) == 1, "no end");
	}
	close(client);
	close(server);
	return 0;
}
