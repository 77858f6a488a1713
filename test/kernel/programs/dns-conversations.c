/*
 * Plays conversations of datagrams between a client and a server at port 53 of the loopback, as a
 * script on standard input has them, and says nothing:
 *
 *   N <name> <calls> <family> <connected>   a conversation; the process is called so
 *   C <hex>, S <hex>                        a datagram from the client, or the server
 *   W <milliseconds>                        a pause
 *   E                                       the end: both sockets are closed
 *
 * Calls 0: send and recv, or sendto and recvfrom; 1: the same, each datagram peeked at before, and
 * write and read where the socket is connected; 2: sendmsg and recvmsg, the datagram in three
 * pieces; 3: sendmmsg and recvmmsg, of all datagrams that one end sends before the other one does.
 * Family 4, 6, or 46: a client of IPv6 that talks IPv4. The server is connected to none.
 */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MOST_DATAGRAMS 64
#define MOST_BYTES 65535

struct datagram {
	size_t length;
	unsigned char bytes[MOST_BYTES];
};

static struct datagram sent[MOST_DATAGRAMS], received[MOST_DATAGRAMS + 1];
static struct iovec vectors[MOST_DATAGRAMS + 1][3];
static struct mmsghdr headers[MOST_DATAGRAMS + 1];
static int waiting, calls, is_connected;
static char sender;

static int server, client;
static struct sockaddr_storage server_address, client_address;
static socklen_t address_length;

static void check(int is_well, const char *what)
{
	if (!is_well) {
		perror(what);
		exit(1);
	}
}

static void cut(struct iovec *pieces, struct datagram *datagram, size_t length)
{
	size_t first = length / 3, second = length / 2 - first;

	pieces[0] = (struct iovec){ datagram->bytes, first };
	pieces[1] = (struct iovec){ datagram->bytes + first, second };
	pieces[2] = (struct iovec){ datagram->bytes + first + second, length - first - second };
}

static struct msghdr *message(int n, struct datagram *datagram, size_t length, void *to)
{
	struct msghdr *header = &headers[n].msg_hdr;

	cut(vectors[n], datagram, length);
	*header = (struct msghdr){ .msg_iov = vectors[n], .msg_iovlen = 3 };
	if (to) {
		header->msg_name = to;
		header->msg_namelen = address_length;
	}
	return header;
}

static void send_one(int fd, struct datagram *datagram, void *to)
{
	ssize_t length;

	if (calls == 2)
		length = sendmsg(fd, message(0, datagram, datagram->length, to), 0);
	else if (to)
		length = sendto(fd, datagram->bytes, datagram->length, 0, to, address_length);
	else if (calls == 1)
		length = write(fd, datagram->bytes, datagram->length);
	else
		length = send(fd, datagram->bytes, datagram->length, 0);
	check(length == (ssize_t)datagram->length, "sending");
}

static void receive_one(int fd, struct datagram *datagram, void *from, int connected)
{
	static struct datagram got;
	socklen_t length = sizeof(client_address);
	ssize_t size;

	if (calls == 1)
		check(recv(fd, got.bytes, sizeof(got.bytes), MSG_PEEK) >= 0, "peeking");
	if (calls == 2) {
		struct msghdr *header = message(0, &got, sizeof(got.bytes), from);

		header->msg_namelen = from ? sizeof(client_address) : 0;
		size = recvmsg(fd, header, 0);
	} else if (from) {
		size = recvfrom(fd, got.bytes, sizeof(got.bytes), 0, from, &length);
	} else if (calls == 1 && connected) {
		size = read(fd, got.bytes, sizeof(got.bytes));
	} else {
		size = recv(fd, got.bytes, sizeof(got.bytes), 0);
	}
	check(size == (ssize_t)datagram->length && !memcmp(got.bytes, datagram->bytes, size),
	      "what was received");
}

/* All that waits, in one call each, and one more place to receive than there are datagrams. */
static void move_all(int to_fd, int from_fd, void *to, void *from)
{
	int n;

	for (n = 0; n < waiting; n++)
		message(n, &sent[n], sent[n].length, to);
	check(sendmmsg(from_fd, headers, waiting, 0) == waiting, "sendmmsg");
	for (n = 0; n <= waiting; n++) {
		struct msghdr *header = message(n, &received[n], MOST_BYTES, from);

		header->msg_namelen = from ? sizeof(client_address) : 0;
	}
	check(recvmmsg(to_fd, headers, waiting + 1, MSG_DONTWAIT, NULL) == waiting, "recvmmsg");
	for (n = 0; n < waiting; n++)
		check(headers[n].msg_len == sent[n].length &&
			      !memcmp(received[n].bytes, sent[n].bytes, sent[n].length),
		      "what was received");
}

/* Moves what has been gathered from one end to the other. */
static void move(void)
{
	int from_client = sender == 'C', n;
	int from_fd = from_client ? client : server, to_fd = from_client ? server : client;
	void *to = from_client ? (is_connected ? NULL : &server_address) : &client_address;
	void *from = from_client ? &client_address : NULL;

	if (calls == 3 && waiting) {
		move_all(to_fd, from_fd, to, from);
		waiting = 0;
	}
	for (n = 0; n < waiting; n++) {
		send_one(from_fd, &sent[n], to);
		receive_one(to_fd, &sent[n], from, !from_client && is_connected);
	}
	waiting = 0;
}

static void open_ends(int family)
{
	struct sockaddr_in *ipv4 = (void *)&server_address;
	struct sockaddr_in6 *ipv6 = (void *)&server_address;
	int on = 1;

	memset(&server_address, 0, sizeof(server_address));
	if (family == 6) {
		*ipv6 = (struct sockaddr_in6){ .sin6_family = AF_INET6,
					       .sin6_port = htons(53),
					       .sin6_addr = IN6ADDR_LOOPBACK_INIT };
		address_length = sizeof(*ipv6);
	} else {
		*ipv4 = (struct sockaddr_in){ .sin_family = AF_INET,
					      .sin_port = htons(53),
					      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		address_length = sizeof(*ipv4);
	}
	server = socket(family == 6 ? AF_INET6 : AF_INET, SOCK_DGRAM, 0);
	check(!setsockopt(server, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)), "SO_REUSEADDR");
	check(!bind(server, (void *)&server_address, address_length), "bind");
	client = socket(family == 4 ? AF_INET : AF_INET6, SOCK_DGRAM, 0);
	check(client >= 0, "socket");
	if (is_connected && family == 46) {
		*ipv6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = htons(53) };
		check(inet_pton(AF_INET6, "::ffff:127.0.0.1", &ipv6->sin6_addr) == 1, "mapped");
		check(!connect(client, (void *)ipv6, sizeof(*ipv6)), "connect");
		address_length = sizeof(struct sockaddr_in);
	} else if (is_connected) {
		check(!connect(client, (void *)&server_address, address_length), "connect");
	}
}

static void add(char who, const char *hex)
{
	struct datagram *datagram;
	unsigned int byte;

	if (who != sender || waiting == MOST_DATAGRAMS)
		move();
	sender = who;
	datagram = &sent[waiting++];
	datagram->length = 0;
	while (sscanf(hex + 2 * datagram->length, "%2x", &byte) == 1)
		datagram->bytes[datagram->length++] = byte;
}

int main(void)
{
	static char line[4 * MOST_BYTES], hex[4 * MOST_BYTES];
	int family, pause;
	char name[16];

	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "N %15s %d %d %d", name, &calls, &family, &is_connected) == 4) {
			prctl(PR_SET_NAME, name);
			open_ends(family);
		} else if (sscanf(line, "C %s", hex) == 1 || sscanf(line, "S %s", hex) == 1) {
			add(line[0], hex);
		} else if (sscanf(line, "W %d", &pause) == 1) {
			move();
			usleep(1000 * pause);
		} else if (line[0] == 'E') {
			move();
			close(client);
			close(server);
		} else {
			fprintf(stderr, "not a step: %s", line);
			return 1;
		}
	}
	return 0;
}
