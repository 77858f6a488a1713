/*
 * Known requests to a disk, each alone and past the page cache:
 * block-io DEVICE READS WRITES SYNCS DISCARDS LARGE
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define SMALL 4096
#define LARGE (4 << 20)

int main(int argc, char **argv)
{
	int failed = 0, fd;
	void *buffer;

	if (argc != 7 || posix_memalign(&buffer, SMALL, LARGE))
		return 1;
	memset(buffer, 'x', LARGE);
	puts("ready");
	fflush(stdout);
	getchar();
	fd = open(argv[1], O_RDWR | O_DIRECT);
	if (fd < 0)
		return 2;
	/* With distance between them, so that none is merged with another. */
	for (int n = 0; n < atoi(argv[2]); n++)
		failed += pread(fd, buffer, SMALL, (off_t)n * 4 * SMALL) != SMALL;
	for (int n = 0; n < atoi(argv[3]); n++)
		failed += pwrite(fd, buffer, 2 * SMALL, (off_t)n * 4 * SMALL) != 2 * SMALL;
	for (int n = 0; n < atoi(argv[4]); n++)
		failed += fsync(fd) != 0;
	for (int n = 0; n < atoi(argv[5]); n++) {
		uint64_t range[2] = { (uint64_t)n * (64 << 10), 64 << 10 };

		failed += ioctl(fd, BLKDISCARD, range) != 0;
	}
	for (int n = 0; n < atoi(argv[6]); n++)
		failed += pwrite(fd, buffer, LARGE, 0) != LARGE;
	printf("%d\n", failed);
	return close(fd);
}
