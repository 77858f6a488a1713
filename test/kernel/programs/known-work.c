/*
 * known-work PORT: for test/kernel/agent/capabilities.test.ts, does something of each signal in
 * exact numbers: 25 connections to 127.0.0.1:PORT, 1000 calls of getppid, 7 opens of what is not
 * there, and one exit.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(argc > 1 ? atoi(argv[1]) : 0),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	for (int i = 0; i < 25; i++) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (void *)&to, sizeof(to)))
			return 1;
		close(fd);
	}
	for (int i = 0; i < 1000; i++)
		syscall(SYS_getppid);
	for (int i = 0; i < 7; i++)
		if (open("/nowhere/at/all", O_RDONLY) >= 0)
			return 1;
	return 0;
}
