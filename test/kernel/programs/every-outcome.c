/*
 * every-outcome FOLDER: for test/kernel/deploy/dashboards.test.ts, makes something happen of
 * whatever the dashboards show, twenty times a second until it is killed: connections that come
 * about, are refused, reset, given up and late; files that are there and not; processes that end
 * well, badly and by a signal; a control group FOLDER that comes and goes.
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* Rounds. In EMPTIED of them a queue is full: a SYN that is dropped is sent again after 1 s. */
#define CYCLE 30
#define EMPTIED 10
#define ESTABLISHED 25

static struct sockaddr_in listen_at(int *listener, int backlog)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof(at);

	*listener = socket(AF_INET, SOCK_STREAM, 0);
	if (bind(*listener, (void *)&at, size) || listen(*listener, backlog) ||
	    getsockname(*listener, (void *)&at, &size))
		exit(1);
	return at;
}

static int connect_to(struct sockaddr_in to, int flags)
{
	int fd = socket(AF_INET, SOCK_STREAM | flags, 0);

	connect(fd, (void *)&to, sizeof(to));
	return fd;
}

/* Bytes each way. */
static void talk(int client, int server)
{
	char bytes[1000] = "";

	if (write(client, bytes, sizeof(bytes)) < 0 || read(server, bytes, sizeof(bytes)) < 0 ||
	    write(server, bytes, sizeof(bytes)) < 0 || read(client, bytes, sizeof(bytes)) < 0)
		exit(1);
}

static void close_with_reset(int fd)
{
	struct linger at_once = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
	close(fd);
}

static void have_children(const char *self)
{
	if (fork() == 0)
		_exit(3);
	if (fork() == 0)
		raise(SIGKILL);
	if (fork() == 0)
		execl(self, self, NULL);
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	struct sockaddr_in nobody = {
		.sin_family = AF_INET,
		.sin_port = htons(1),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	struct sockaddr_in somebody, busy;
	int listener, full, waiting[3];

	/* What have_children() runs. */
	if (argc < 2)
		return 0;
	somebody = listen_at(&listener, 16);
	busy = listen_at(&full, 0);
	int lasting[2] = { connect_to(somebody, 0), accept(listener, NULL, NULL) };

	for (int round = 0;; round++) {
		int client = connect_to(somebody, 0), server = accept(listener, NULL, NULL);

		talk(lasting[0], lasting[1]);
		talk(client, server);
		close_with_reset(client);
		close(server);
		close(connect_to(nobody, 0));

		switch (round % CYCLE) {
		case 0: /* The first is accepted, the others are not. */
			for (int i = 0; i < 3; i++)
				waiting[i] = connect_to(busy, SOCK_NONBLOCK);
			break;
		case EMPTIED: /* The second gets its place, the third is given up. */
			close(waiting[2]);
			close(accept(full, NULL, NULL));
			close(waiting[0]);
			break;
		case ESTABLISHED:
			close(accept(full, NULL, NULL));
			close(waiting[1]);
			break;
		}

		close(open("/dev/null", O_RDONLY));
		if (open("/nowhere/at/all", O_RDONLY) >= 0)
			return 1;
		mkdir(argv[1], 0700);
		rmdir(argv[1]);
		have_children(argv[0]);
		usleep(50000);
	}
}
