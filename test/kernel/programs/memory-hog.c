/*
 * Programs that want more memory than their control group has.
 *
 *   kills CHILDREN MEGABYTES PROCS   children, one after the other: each enters the group by its
 *                                    file PROCS, and touches so much memory. Prints how many
 *                                    SIGKILL ended
 *   together CHILDREN MEGABYTES PROCS  the same of children that are in the group at once, of which
 *                                    only the last wants more than a megabyte
 *   writes MEGABYTES FILE PROCS      enters the group and writes a file, whose pages have to go
 *                                    before others come
 *   reads MEGABYTES FILE TIMES       writes a file through to the disk, and so often reads it twice
 *                                    and has its pages thrown away. Prints how many bytes
 *                                    mincore(2) says came into memory, and went
 *
 * "ready" is written first, and the end of standard input waited for.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

static void enter(const char *procs)
{
	int fd = open(procs, O_WRONLY);

	if (fd < 0 || write(fd, "0", 1) != 1) {
		perror(procs);
		exit(3);
	}
	close(fd);
}

static void touch(size_t size)
{
	char *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	for (size_t at = 0; at < size; at += 4096)
		memory[at] = 1;
}

static void hog(const char *procs, size_t size)
{
	prctl(PR_SET_NAME, "rt-hog");
	enter(procs);
	touch(size);
	_exit(0);
}

static int is_killed(int status)
{
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static int together(int children, size_t size, const char *procs)
{
	int ready[2], killed = 0, status;
	char byte = 0;

	if (pipe(ready))
		return 1;
	for (int n = 1; n < children; n++) {
		if (fork())
			continue;
		prctl(PR_SET_NAME, "rt-hog");
		enter(procs);
		touch(1 << 20);
		if (write(ready[1], &byte, 1) == 1)
			pause();
		_exit(0);
	}
	for (int n = 1; n < children; n++)
		if (read(ready[0], &byte, 1) != 1)
			return 1;
	if (!fork())
		hog(procs, size);
	for (int n = 0; n < children && wait(&status) > 0; n++)
		killed += is_killed(status);
	printf("%d\n", killed);
	return 0;
}

static int kills(int children, size_t size, const char *procs)
{
	int killed = 0, status;

	for (int n = 0; n < children; n++) {
		pid_t child = fork();

		if (!child)
			hog(procs, size);
		if (waitpid(child, &status, 0) != child)
			return 1;
		killed += is_killed(status);
	}
	printf("%d\n", killed);
	return 0;
}

static int writes(int megabytes, const char *file, const char *procs)
{
	static char buffer[1 << 20];
	int fd;

	enter(procs);
	fd = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	for (int n = 0; n < megabytes; n++)
		if (write(fd, buffer, sizeof(buffer)) != sizeof(buffer))
			return 1;
	close(fd);
	return 0;
}

/* Bytes of a file that are in memory. */
static long cached(int fd, size_t size)
{
	void *memory = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	unsigned char *pages = calloc(size / 4096, 1);
	long bytes = 0;

	if (memory == MAP_FAILED || mincore(memory, size, pages))
		exit(4);
	for (size_t page = 0; page < size / 4096; page++)
		bytes += (pages[page] & 1) * 4096;
	free(pages);
	munmap(memory, size);
	return bytes;
}

static int reads(int megabytes, const char *file, int times)
{
	static char buffer[1 << 20];
	size_t size = (size_t)megabytes << 20;
	int fd = open(file, O_RDWR | O_CREAT | O_TRUNC, 0600);
	long added = 0, removed = 0;

	for (int n = 0; n < megabytes; n++)
		if (write(fd, buffer, sizeof(buffer)) != sizeof(buffer))
			return 1;
	fsync(fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	prctl(PR_SET_NAME, "rt-reads");
	for (int n = 0; n < times; n++) {
		long before = cached(fd, size);

		for (int again = 0; again < 2; again++)
			for (int at = 0; at < megabytes; at++)
				if (pread(fd, buffer, sizeof(buffer), (off_t)at << 20) !=
				    sizeof(buffer))
					return 1;
		added += cached(fd, size) - before;
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
		removed += added - removed - cached(fd, size);
	}
	printf("%ld\n%ld\n", added, removed);
	return 0;
}

int main(int argc, char **argv)
{
	char byte;

	if (argc != 5)
		return 2;
	puts("ready");
	fflush(stdout);
	while (read(0, &byte, 1) > 0)
		;
	if (!strcmp(argv[1], "kills"))
		return kills(atoi(argv[2]), atol(argv[3]) << 20, argv[4]);
	if (!strcmp(argv[1], "together"))
		return together(atoi(argv[2]), atol(argv[3]) << 20, argv[4]);
	if (!strcmp(argv[1], "reads"))
		return reads(atoi(argv[2]), argv[3], atoi(argv[4]));
	return writes(atoi(argv[2]), argv[3], argv[4]);
}
