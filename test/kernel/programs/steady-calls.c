/*
 * Goes on making calls until the end of its standard input, for test/kernel/agent/reload.test.ts:
 * rounds of getppid, getuid and an open that fails with ENOENT, 50,000 rounds a second at the most.
 * Prints "ready" before, and how many rounds it made, in decimal, after.
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(void)
{
	struct pollfd input = { .fd = STDIN_FILENO, .events = POLLIN };
	char line[16];
	int length, rounds = 0;

	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (poll(&input, 1, 1) == 0) {
		for (int i = 0; i < 50; i++, rounds++) {
			syscall(SYS_getppid);
			syscall(SYS_getuid);
			open("/nonexistent/file", O_RDONLY);
		}
	}
	length = snprintf(line, sizeof(line), "%d\n", rounds);
	return write(STDOUT_FILENO, line, length) == length ? 0 : 1;
}
