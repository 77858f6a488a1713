/*
 * only-calls CALL,... FAMILY,... PROGRAM ARGUMENT...: executes a program with no_new_privs and a
 * seccomp filter that refuses (EPERM) all system calls but these, by number, and sockets of all but
 * these families: what systemd makes of SystemCallFilter and RestrictAddressFamilies. execve must
 * be among the calls.
 */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct sock_filter filter[BPF_MAXINSNS];
static struct sock_fprog program = { .filter = filter };

static void add(struct sock_filter instruction)
{
	if (program.len == BPF_MAXINSNS - 1)
		exit(2);
	filter[program.len++] = instruction;
}

/* Allows what is loaded when it is one of the numbers, else refuses it. */
static void allow_only(const char *numbers)
{
	for (const char *at = numbers; *at != '\0'; at += *at == ',') {
		char *end;
		unsigned long number = strtoul(at, &end, 10);

		if (end == at)
			exit(2);
		at = end;
		add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1));
		add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
	}
	add((struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM));
}

int main(int argc, char **argv)
{
	size_t skip;

	if (argc < 4)
		return 2;
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					 offsetof(struct seccomp_data, nr)));
	skip = program.len;
	add((struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_socket, 0, 0));
	add((struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
					 offsetof(struct seccomp_data, args[0])));
	allow_only(argv[2]);
	filter[skip].jf = program.len - skip - 1;
	allow_only(argv[1]);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		perror("seccomp");
		return 1;
	}
	execvp(argv[3], argv + 3);
	perror(argv[3]);
	return 1;
}
