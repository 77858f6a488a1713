/* Makes the loop device of a number, or removes it: loop-control add|remove NUMBER */
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	int fd = open("/dev/loop-control", O_RDWR), request;

	if (argc != 3 || fd < 0)
		return 2;
	request = strcmp(argv[1], "add") ? LOOP_CTL_REMOVE : LOOP_CTL_ADD;
	if (ioctl(fd, request, atoi(argv[2])) < 0) {
		perror(argv[1]);
		return 1;
	}
	return 0;
}
