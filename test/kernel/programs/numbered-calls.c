/*
 * Makes system calls, each with -1 for its arguments:
 *
 *	numbered-calls NUMBER TIMES [NUMBER TIMES]…
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	printf("ready\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	for (int i = 1; i + 1 < argc; i += 2) {
		long number = atol(argv[i]), times = atol(argv[i + 1]);

		for (long n = 0; n < times; n++)
			syscall(number, -1, -1, -1);
	}
	return 0;
}
