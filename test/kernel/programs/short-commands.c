/*
 * Many short commands, one after the other, as a script runs them: `short-commands COUNT PROGRAM`
 * runs PROGRAM so often. Run without arguments it is such a command: it makes some different calls,
 * and ends.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int command(void)
{
	struct rlimit limit;
	struct timespec now;
	struct stat about;
	char text[64];
	int fd = open("/proc/self/stat", O_RDONLY);

	if (fd < 0 || read(fd, text, sizeof(text)) < 0 || fstat(fd, &about) || close(fd))
		return 1;
	open("/no/such/file", O_RDONLY);
	access("/no/such/file", R_OK);
	getuid();
	getppid();
	getpgrp();
	umask(022);
	getrlimit(RLIMIT_NOFILE, &limit);
	clock_getres(CLOCK_MONOTONIC, &now);
	return 0;
}

int main(int argc, char **argv)
{
	int status;

	if (argc == 1)
		return command();
	for (int count = atoi(argv[1]); count > 0; count--) {
		if (fork() == 0) {
			execl(argv[2], argv[2], NULL);
			_exit(127);
		}
		if (wait(&status) < 0 || status != 0)
			return 1;
	}
	return 0;
}
