// SPDX-License-Identifier: Apache-2.0
/*
 * Makes series: each of several processes fails in the same CALLS system calls, then all wait until
 * stdin ends. By process and call that is a series each of calls, seconds and errors. Prints a line
 * when all have made their calls.
 *
 *   series PROCESSES
 */
#define _GNU_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* Calls on a descriptor that is not one: each returns EBADF and does nothing. */
static const long calls[] = {
	SYS_read,	 SYS_write,	SYS_close,     SYS_lseek,     SYS_ioctl,     SYS_pread64,
	SYS_pwrite64,	 SYS_readv,	SYS_writev,    SYS_dup,	      SYS_fcntl,     SYS_flock,
	SYS_fsync,	 SYS_fdatasync, SYS_ftruncate, SYS_fchdir,    SYS_fchmod,    SYS_fchown,
	SYS_fstatfs,	 SYS_listen,	SYS_accept,    SYS_shutdown,  SYS_bind,	     SYS_connect,
	SYS_getsockname, SYS_sendto,	SYS_recvfrom,  SYS_fallocate, SYS_readahead, SYS_syncfs,
};

#define CALLS (sizeof(calls) / sizeof(calls[0]))

static void make_calls(void)
{
	for (size_t i = 0; i < CALLS; i++)
		syscall(calls[i], -1, 0, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	int done[2], gate[2];
	long processes;
	char byte = 0;

	if (argc != 2 || pipe(done) || pipe(gate))
		return 2;
	processes = atol(argv[1]);
	for (long i = 0; i < processes; i++) {
		pid_t child = fork();

		if (child < 0)
			return 1;
		if (child > 0)
			continue;
		close(gate[1]);
		make_calls();
		/* The read returns when the parent has gone, however it went. */
		_exit(write(done[1], &byte, 1) != 1 || read(gate[0], &byte, 1) != 0);
	}
	for (long i = 0; i < processes; i++)
		if (read(done[0], &byte, 1) != 1)
			return 1;
	puts("ready");
	fflush(stdout);
	if (read(STDIN_FILENO, &byte, 1) < 0)
		return 1;
	close(gate[1]);
	while (wait(NULL) > 0)
		;
	return 0;
}
