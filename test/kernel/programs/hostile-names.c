/*
 * hostile-names FOLDER NAME...: for test/kernel/agent/hostile.test.ts. For each NAME, up to 15
 * bytes in hexadecimal: - a thread of that name opens FOLDER/NAME, which is not there; - a process
 * of that name does so, too, tries to connect to 127.0.0.1:1, where nobody listens, and executes
 * this program as FOLDER/NAME, which ends at once.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static char name[16];
static char path[PATH_MAX];

static void expect(int truth, const char *what)
{
	if (!truth) {
		perror(what);
		exit(1);
	}
}

static void open_missing(void)
{
	expect(open(path, O_RDONLY) < 0 && errno == ENOENT, "open");
}

static void *open_from_thread(void *unused)
{
	expect(prctl(PR_SET_NAME, name) == 0, "prctl");
	open_missing();
	return unused;
}

static void run(const char *program)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET,
		.sin_port = htons(1),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	char *arguments[] = { "hostile", NULL };
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	expect(prctl(PR_SET_NAME, name) == 0, "prctl");
	open_missing();
	expect(connect(fd, (void *)&to, sizeof(to)) < 0 && errno == ECONNREFUSED, "connect");
	expect(symlink(program, path) == 0, "symlink");
	execv(path, arguments);
	perror("execv");
	_exit(1);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int status;

	for (int i = 2; i < argc; i++) {
		memset(name, 0, sizeof(name));
		for (size_t at = 0; at < strlen(argv[i]) / 2 && at < sizeof(name) - 1; at++)
			sscanf(argv[i] + 2 * at, "%2hhx", (unsigned char *)name + at);
		snprintf(path, sizeof(path), "%s/%s", argv[1], name);
		expect(pthread_create(&thread, NULL, open_from_thread, NULL) == 0, "thread");
		pthread_join(thread, NULL);
		if (fork() == 0)
			run(argv[0]);
		expect(wait(&status) > 0 && status == 0, "child");
		unlink(path);
	}
	return 0;
}
