// SPDX-License-Identifier: Apache-2.0
/*
 * Prints what a page of the page cache costs, which is written and goes as its file is cut off:
 * half of what both cost together.
 *
 * pages FILE BURSTS COUNT
 */
#include <fcntl.h>
#include <unistd.h>

#include "bursts.h"

#define PAGE 4096
#define PAGES 64

static int fd;
static char page[PAGE];

static void write_and_cut(void)
{
	for (int n = 0; n < PAGES; n++)
		if (pwrite(fd, page, PAGE, (off_t)n * PAGE) != PAGE)
			fail("writing");
	if (ftruncate(fd, 0))
		fail("cutting off");
}

int main(int argc, char **argv)
{
	long bursts, count;

	if (argc != 4)
		return 2;
	bursts = atol(argv[2]);
	count = atol(argv[3]);
	fd = open(argv[1], O_CREAT | O_RDWR | O_TRUNC, 0600);
	if (bursts <= 0 || count <= 0)
		return 2;
	if (fd < 0)
		fail("opening the file");
	burst(write_and_cut, count);
	printf("%.1f\n", fastest_tenth(write_and_cut, bursts, count) / (2 * PAGES));
	return 0;
}
