/* Other system calls: those that only these operations make, so that they can be counted. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

#include "fuzz.h"

/* seccomp ACTION: from now on, this thread's getpgid is answered by seccomp: EDOM, 0 or SIGSYS. */
static void do_seccomp(const char *action)
{
	uint32_t answer = is_word(action, "trap") ? SECCOMP_RET_TRAP :
			  is_word(action, "zero") ? SECCOMP_RET_ERRNO :
						    SECCOMP_RET_ERRNO | EDOM;
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_getpgid, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, answer),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = 4, .filter = code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter))
		fail("seccomp");
}

/* The program's own answer to a call that seccomp has trapped. */
static void trapped(int signal, siginfo_t *info, void *context)
{
	(void)signal;
	(void)info;
	(void)context;
}

static long call(const char *name)
{
	if (is_word(name, "getppid"))
		return syscall(SYS_getppid);
	if (is_word(name, "getpgid"))
		return syscall(SYS_getpgid, 0);
	if (is_word(name, "getsid"))
		return syscall(SYS_getsid, -7);
	if (is_word(name, "umask"))
		return syscall(SYS_umask, 022);
#ifdef __x86_64__
	if (is_word(name, "compat")) {
		long ret = 64; /* getppid, arch/x86/entry/syscalls/syscall_32.tbl */

		__asm__ volatile("int $0x80" : "+a"(ret)::"memory", "cc", "r8", "r9", "r10", "r11");
		return ret;
	}
	if (is_word(name, "disguised")) {
		/* As SYSCALL would leave them: rcx the address behind it, r11 the flags. */
		long ret = 64;

		__asm__ volatile("pushfq\n\tpopq %%r11\n\tleaq 1f(%%rip), %%rcx\n\tint $0x80\n1:"
				 : "+a"(ret)::"rcx", "r8", "r9", "r10", "r11", "memory", "cc");
		return ret;
	}
#endif
	return syscall(9999);
}

/* call NAME COUNT */
static void do_call(int worker, const struct op *op)
{
	struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
	long count = number(op->args[1]);
	struct entry *entry;
	long ret = 0;

	sigaction(SIGSYS, &action, NULL);
	errno = 0;
	for (long i = 0; i < count; i++)
		ret = call(op->args[0]);
	if (errno == 0 && ret < 0 && ret > -4096)
		errno = (int)-ret;
	entry = log_call(worker, "call", ret < 0 && errno ? -1 : 0);
	entry->a = (uint64_t)count;
	strcpy(entry->word, op->args[0]);
}

bool do_syscall_op(int worker, const struct op *op)
{
	if (is_word(op->name, "call"))
		do_call(worker, op);
	else if (is_word(op->name, "seccomp"))
		do_seccomp(op->args[0]);
	else
		return false;
	return true;
}
