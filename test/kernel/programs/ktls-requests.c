/*
 * `kt-client` makes 20 requests of HTTP to `kt-server` over a connection that the kernel encrypts:
 * TLS 1.2, AES-128-GCM, with keys that both know.
 *
 *   ktls-requests hello    as after a handshake: a record of one goes each way first, in clear
 *   ktls-requests plain    without
 *   ktls-requests try      exits with status 3 when the kernel has no TLS
 */
#include <arpa/inet.h>
#include <linux/tls.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static const char request[] = "GET /one HTTP/1.1\r\nHost: x\r\n\r\n";
static const char response[] = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc";
/* A record of a handshake: its type, the version, the length, and the first bytes of a hello. */
static const char client_hello[9] = { 22, 3, 1, 0, 4, 1, 0, 0, 0 };
static const char server_hello[9] = { 22, 3, 3, 0, 4, 2, 0, 0, 0 };
static char data[256];

static void check(int is_well, const char *what)
{
	if (!is_well) {
		perror(what);
		exit(1);
	}
}

static void encrypt(int fd, int direction)
{
	struct tls12_crypto_info_aes_gcm_128 info = {
		.info = { .version = TLS_1_2_VERSION, .cipher_type = TLS_CIPHER_AES_GCM_128 },
		.key = "both know",
	};

	check(!setsockopt(fd, SOL_TLS, direction, &info, sizeof(info)), "keys");
}

static void begin_tls(int fd)
{
	check(!setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")), "tls");
	encrypt(fd, TLS_TX);
	encrypt(fd, TLS_RX);
}

static void greet(int fd, const char *mine, const char *theirs)
{
	check(write(fd, mine, 9) == 9, "greet");
	check(recv(fd, data, 9, MSG_WAITALL) == 9 && !memcmp(data, theirs, 9), "the greeting");
}

static void serve(int fd, int has_hello)
{
	prctl(PR_SET_NAME, "kt-server");
	if (has_hello)
		greet(fd, server_hello, client_hello);
	begin_tls(fd);
	for (int n = 0; n < 20; n++) {
		check(read(fd, data, sizeof(data)) == sizeof(request) - 1, "the request");
		check(write(fd, response, sizeof(response) - 1) > 0, "answer");
	}
	check(read(fd, data, sizeof(data)) == 0, "the end");
}

int main(int argc, char **argv)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd, status, has_hello;
	socklen_t length = sizeof(address);

	check(argc == 2, "an argument");
	has_hello = !strcmp(argv[1], "hello");
	check(!bind(listener, (void *)&address, length) && !listen(listener, 1), "listen");
	getsockname(listener, (void *)&address, &length);
	if (!fork()) {
		fd = accept(listener, NULL, NULL);
		close(listener);
		if (strcmp(argv[1], "try"))
			serve(fd, has_hello);
		return 0;
	}
	prctl(PR_SET_NAME, "kt-client");
	fd = socket(AF_INET, SOCK_STREAM, 0);
	check(!connect(fd, (void *)&address, length), "connect");
	if (!strcmp(argv[1], "try"))
		return setsockopt(fd, SOL_TCP, TCP_ULP, "tls", sizeof("tls")) ? 3 : 0;
	if (has_hello)
		greet(fd, client_hello, server_hello);
	begin_tls(fd);
	for (int n = 0; n < 20; n++) {
		check(write(fd, request, sizeof(request) - 1) > 0, "ask");
		check(read(fd, data, sizeof(data)) == sizeof(response) - 1, "the response");
	}
	close(fd);
	check(wait(&status) > 0 && !status, "the server");
	return 0;
}
