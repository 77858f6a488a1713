/*
 * two-stints: for test/kernel/cgroup.test.ts, does the same twice, before it says "ready" and after
 * the end of its standard input: 7 opens of what is not there and 100 calls of getppid. With the
 * argument "once" it leaves out the first time.
 */
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int work(void)
{
	for (int i = 0; i < 7; i++)
		if (open("/nowhere/at/all", O_RDONLY) >= 0)
			return 1;
	for (int i = 0; i < 100; i++)
		syscall(SYS_getppid);
	return 0;
}

int main(int argc, char **argv)
{
	char byte;

	(void)argv;
	if (argc < 2 && work())
		return 1;
	if (write(STDOUT_FILENO, "ready\n", 6) != 6)
		return 1;
	while (read(STDIN_FILENO, &byte, 1) > 0)
		;
	return work();
}
