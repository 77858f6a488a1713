/*
 * Connects to a port of 127.0.0.1 where none listens.
 *
 *	PORT PROCESSES CONNECTS   so many processes, one after the other, each so often
 *	PORT                      one process: as often as each line of input says, then prints one
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void connect_often(int port, int times)
{
	struct sockaddr_in address = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};

	while (times-- > 0) {
		int fd = socket(AF_INET, SOCK_STREAM, 0);

		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0 ||
		    errno != ECONNREFUSED)
			_exit(1);
		close(fd);
	}
}

int main(int argc, char **argv)
{
	int port = atoi(argv[1]), times, status;

	if (argc == 2) {
		while (scanf("%d", &times) == 1) {
			connect_often(port, times);
			puts("done");
			fflush(stdout);
		}
		return 0;
	}
	for (int process = atoi(argv[2]); process > 0; process--) {
		if (fork() == 0) {
			connect_often(port, atoi(argv[3]));
			_exit(0);
		}
		if (wait(&status) < 0 || status != 0)
			return 1;
	}
	return 0;
}
