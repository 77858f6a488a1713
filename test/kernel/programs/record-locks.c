/*
 * Takes, asks for in vain and releases record locks, as often as it is told:
 *
 *   record-locks FILE GRANTED REFUSED RELEASED
 *
 * With a fifth argument, that many microseconds lie between two granted ones, and each comes with
 * an open of /dev/null.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int set(int fd, short type)
{
	struct flock lock = { .l_type = type };

	return fcntl(fd, F_SETLK, &lock);
}

int main(int argc, char **argv)
{
	int fd = open(argv[1], O_RDWR | O_CREAT, 0600);
	int i, status, pause = argc > 5 ? atoi(argv[5]) : 0;

	if (argc < 5 || fd < 0)
		return 1;
	puts("ready");
	fflush(stdout);
	getchar();
	for (i = 0; i < atoi(argv[2]); i++) {
		if (set(fd, F_WRLCK))
			return 2;
		if (pause) {
			close(open("/dev/null", O_RDONLY));
			usleep(pause);
		}
	}
	if (fork() == 0) {
		for (i = 0; i < atoi(argv[3]); i++)
			if (!set(fd, F_WRLCK))
				_exit(1);
		_exit(0);
	}
	if (wait(&status) < 0 || status)
		return 3;
	for (i = 0; i < atoi(argv[4]); i++)
		if (set(fd, F_UNLCK))
			return 4;
	return 0;
}
