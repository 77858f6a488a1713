/*
 * System calls that something else answers than the kernel's own code, or that return otherwise
 * than they were made, for test/kernel/signals/syscall/answered.test.ts.
 *
 *   answered-calls errno-0 COUNT        so many getppid that seccomp answers with no error
 *   answered-calls errno-1 COUNT        … with EPERM
 *   answered-calls trap COUNT           … with SIGSYS, which a handler takes
 *   answered-calls trace COUNT          … that seccomp leaves to a tracer, where there is none
 *   answered-calls notify COUNT         … three times as many, by a supervisor: with 7, with
 *                                       EACCES, by letting the call go on
 *   answered-calls kill COUNT           children, so many, that seccomp kills for their getppid
 *   answered-calls clone COUNT          a child; then clone that seccomp answers with errno 0
 *   answered-calls emulated COUNT       getppid that a tracer answers, by PTRACE_SYSEMU
 *   answered-calls changed COUNT        getppid that a tracer turns into getuid, and skips as often
 *   answered-calls forged COUNT         by int $0x80, with SYSCALL's marks in rcx and r11 (x86)
 *   answered-calls execs COUNT          execveat of /bin/true, in so many children
 *   answered-calls execs-32 COUNT       … of a program for 32 bits (x86)
 *   answered-calls births COUNT         so many each of fork, vfork and threads
 *   answered-calls stopped COUNT        nanosleep that is stopped and goes on by restart_syscall
 *   answered-calls paused COUNT         a child that waits in ppoll(2) from before "ready", then
 *                                       makes so many getppid, which seccomp answers with 0
 *   answered-calls answers COUNT        all that a tracer can see, each in a child
 *
 * Each prints "ready", waits for the end of standard input and begins; then prints the pids of the
 * processes that are counted, one a line.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifndef PTRACE_SYSEMU
#define PTRACE_SYSEMU 31
#endif

static void check(int is_right, const char *what)
{
	if (is_right)
		return;
	perror(what);
	_exit(1);
}

static void announce(pid_t pid)
{
	check(dprintf(1, "%d\n", pid) > 0, "announce");
}

/* Has seccomp answer calls of this number. Returns what seccomp(2) does. */
static int answer(int number, unsigned int action, unsigned int flags)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, action),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog filter = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
	int result;

	check(!prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs");
	result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &filter);
	check(result >= 0, "seccomp");
	return result;
}

static void getppid_times(int count)
{
	for (int i = 0; i < count; i++)
		syscall(SYS_getppid);
}

static volatile sig_atomic_t trapped;

static void on_trap(int signal)
{
	trapped++;
}

static void trap(int count)
{
	signal(SIGSYS, on_trap);
	answer(SYS_getppid, SECCOMP_RET_TRAP, 0);
	getppid_times(count);
	check(trapped == count, "trap");
}

/* Hands a descriptor to the process at the other end of a socket, or takes one from it. */
static int pass(int socket, int descriptor)
{
	char control[CMSG_SPACE(sizeof(int))] = {}, byte = 0;
	struct iovec one = { .iov_base = &byte, .iov_len = 1 };
	struct msghdr message = { .msg_iov = &one,
				  .msg_iovlen = 1,
				  .msg_control = control,
				  .msg_controllen = sizeof(control) };
	struct cmsghdr *header = CMSG_FIRSTHDR(&message);

	if (descriptor < 0) {
		check(recvmsg(socket, &message, 0) == 1, "recvmsg");
		memcpy(&descriptor, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(int));
		return descriptor;
	}
	header->cmsg_level = SOL_SOCKET;
	header->cmsg_type = SCM_RIGHTS;
	header->cmsg_len = CMSG_LEN(sizeof(int));
	memcpy(CMSG_DATA(header), &descriptor, sizeof(int));
	check(sendmsg(socket, &message, 0) == 1, "sendmsg");
	return 0;
}

static void supervise(int socket, int count)
{
	int listener = pass(socket, -1);

	for (int i = 0; i < 3 * count; i++) {
		struct seccomp_notif call = {};
		struct seccomp_notif_resp response = {};

		check(!ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call), "receive");
		response.id = call.id;
		if (i < count)
			response.val = 7;
		else if (i < 2 * count)
			response.error = -EACCES;
		else
			response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
		check(!ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &response), "send");
	}
	_exit(0);
}

static void notify(int count)
{
	int sockets[2], seven = 0, refused = 0, done = 0;
	pid_t supervisor;

	check(!socketpair(AF_UNIX, SOCK_STREAM, 0, sockets), "socketpair");
	supervisor = fork();
	if (supervisor == 0)
		supervise(sockets[1], count);
	announce(supervisor);
	pass(sockets[0],
	     answer(SYS_getppid, SECCOMP_RET_USER_NOTIF, SECCOMP_FILTER_FLAG_NEW_LISTENER));
	for (int i = 0; i < 3 * count; i++) {
		long parent = syscall(SYS_getppid);

		seven += parent == 7;
		refused += parent < 0 && errno == EACCES;
		done += parent > 7;
	}
	check(seven == count && refused == count && done == count, "notify");
	waitpid(supervisor, NULL, 0);
}

/* Runs `step` in a child that is announced, and waits for its end. */
static int in_child(void (*step)(int), int count)
{
	int status;
	pid_t child = fork();

	check(child >= 0, "fork");
	if (child == 0) {
		step(count);
		_exit(0);
	}
	announce(child);
	check(waitpid(child, &status, 0) == child, "waitpid");
	return status;
}

static void die(int unused)
{
	answer(SYS_getppid, SECCOMP_RET_KILL_PROCESS, 0);
	syscall(SYS_getuid);
	syscall(SYS_getppid);
}

static void kill_children(int count)
{
	for (int i = 0; i < count; i++)
		check(WIFSIGNALED(in_child(die, 0)), "kill");
}

static void clone_to_zero(int count)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	announce(child);
	waitpid(child, NULL, 0);
	answer(SYS_clone, SECCOMP_RET_ERRNO | 0, 0);
	for (int i = 0; i < count; i++)
		check(syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0) == 0, "clone");
}

static void traced(int count)
{
	check(!ptrace(PTRACE_TRACEME, 0, 0, 0), "traceme");
	raise(SIGSTOP);
	getppid_times(count);
	/* Ends the tracing: no other call of this program waits. */
	raise(SIGSTOP);
}

static void set_result(pid_t child, long result)
{
	struct iovec one;
#if defined(__x86_64__)
	struct user_regs_struct registers;

	one = (struct iovec){ .iov_base = &registers, .iov_len = sizeof(registers) };
	check(!ptrace(PTRACE_GETREGSET, child, 1, &one), "registers");
	registers.rax = result;
#else
	struct user_regs_struct registers;

	one = (struct iovec){ .iov_base = &registers, .iov_len = sizeof(registers) };
	check(!ptrace(PTRACE_GETREGSET, child, 1, &one), "registers");
	registers.regs[0] = result;
#endif
	check(!ptrace(PTRACE_SETREGSET, child, 1, &one), "set registers");
}

static void set_number(pid_t child, int number)
{
#if defined(__x86_64__)
	check(!ptrace(PTRACE_POKEUSER, child, offsetof(struct user, regs.orig_rax), (long)number),
	      "number");
#else
	struct iovec one = { .iov_base = &number, .iov_len = sizeof(number) };

	check(!ptrace(PTRACE_SETREGSET, child, 0x404, &one), "number");
#endif
}

/* Waits for a stop of the child. Returns the POSIX signal; SIGTRAP | 0x80 for a call. */
static int next_stop(pid_t child)
{
	int status;

	check(waitpid(child, &status, 0) == child && WIFSTOPPED(status), "stop");
	return WSTOPSIG(status);
}

static pid_t start_traced(int count)
{
	pid_t child = fork();

	check(child >= 0, "fork");
	if (child == 0) {
		traced(count);
		_exit(0);
	}
	announce(child);
	check(next_stop(child) == SIGSTOP, "first stop");
	check(!ptrace(PTRACE_SETOPTIONS, child, 0, PTRACE_O_TRACESYSGOOD), "options");
	return child;
}

static void end_tracing(pid_t child)
{
	int stop = 0;

	while (stop != SIGSTOP) {
		check(!ptrace(PTRACE_CONT, child, 0, 0), "go on");
		stop = next_stop(child);
	}
	check(!ptrace(PTRACE_DETACH, child, 0, 0), "detach");
	waitpid(child, NULL, 0);
}

/* The first stop by SIGSTOP is within tgkill(2), which returns first. */
static void emulated(int count)
{
	pid_t child = start_traced(count);

	for (int i = 0; i < count; i++) {
		check(!ptrace(PTRACE_SYSEMU, child, 0, 0), "emulate");
		check(next_stop(child) == (SIGTRAP | 0x80), "call");
		set_result(child, 100 + i);
	}
	end_tracing(child);
}

static int next_call(pid_t child)
{
	check(!ptrace(PTRACE_SYSCALL, child, 0, 0), "next call");
	return next_stop(child) == (SIGTRAP | 0x80);
}

static void changed(int count)
{
	pid_t child = start_traced(2 * count);

	for (int i = 0; i < 2 * count; i++) {
		check(next_call(child), "entry");
		set_number(child, i % 2 ? -1 : SYS_getuid);
		check(next_call(child), "exit");
	}
	end_tracing(child);
}

#if defined(__x86_64__)
/* 64 is getppid in the table of int $0x80, and semget in that of SYSCALL. */
static void forged(int count)
{
	for (int i = 0; i < count; i++) {
		long number = 64;

		__asm__ volatile("pushfq\n"
				 "popq %%r11\n"
				 "leaq 1f(%%rip), %%rcx\n"
				 "int $0x80\n"
				 "1:\n"
				 : "+a"(number)
				 :
				 : "rcx", "r11", "r8", "r9", "r10", "memory", "cc");
		check(number == getppid(), "int 0x80");
	}
}
#else
static void forged(int count)
{
}
#endif

static void exec_at(int file)
{
	char *arguments[] = { "program", NULL }, *environment[] = { NULL };

	syscall(SYS_execveat, file, "", arguments, environment, AT_EMPTY_PATH);
	check(0, "execveat");
}

static void execs(int count)
{
	int file = open("/bin/true", O_PATH | O_CLOEXEC);

	for (int i = 0; i < count; i++)
		check(in_child(exec_at, file) == 0, "child");
}

/* A program for 32 bits that ends with status 0 at once. */
static void execs_32(int count)
{
	struct {
		Elf32_Ehdr header;
		Elf32_Phdr segment;
		unsigned char code[8];
	} image = {
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS32,
					 ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_machine = EM_386,
			    .e_version = EV_CURRENT,
			    .e_entry = 0x10000 + sizeof(Elf32_Ehdr) + sizeof(Elf32_Phdr),
			    .e_phoff = sizeof(Elf32_Ehdr),
			    .e_ehsize = sizeof(Elf32_Ehdr),
			    .e_phentsize = sizeof(Elf32_Phdr),
			    .e_phnum = 1 },
		.segment = { .p_type = PT_LOAD,
			     .p_vaddr = 0x10000,
			     .p_filesz = sizeof(image),
			     .p_memsz = sizeof(image),
			     .p_flags = PF_R | PF_X,
			     .p_align = 0x1000 },
		/* xor %ebx,%ebx; push $1; pop %eax; int $0x80: exit(0) */
		.code = { 0x31, 0xdb, 0x6a, 0x01, 0x58, 0xcd, 0x80 },
	};
	int file = memfd_create("program", MFD_CLOEXEC);

	check(file >= 0 && write(file, &image, sizeof(image)) == sizeof(image), "image");
	for (int i = 0; i < count; i++)
		check(in_child(exec_at, file) == 0, "child");
}

static void *idle(void *unused)
{
	return unused;
}

static void births(int count)
{
	for (int i = 0; i < count; i++) {
		pthread_t thread;
		pid_t child = fork();

		if (child == 0)
			_exit(0);
		announce(child);
		waitpid(child, NULL, 0);
		child = vfork();
		if (child == 0)
			_exit(0);
		announce(child);
		waitpid(child, NULL, 0);
		check(!pthread_create(&thread, NULL, idle, NULL), "thread");
		pthread_join(thread, NULL);
	}
}

static void sleep_once(int unused)
{
	struct timespec nap = { .tv_nsec = 100 * 1000 * 1000 };

	check(!syscall(SYS_nanosleep, &nap, NULL), "nanosleep");
}

/* Waits until a child is in the middle of this call. */
static void await_call(pid_t child, int number)
{
	char path[64], line[64] = "";

	snprintf(path, sizeof(path), "/proc/%d/syscall", child);
	while (strtol(line, NULL, 10) != number) {
		int file = open(path, O_RDONLY);

		check(file >= 0 && read(file, line, sizeof(line) - 1) > 0, path);
		close(file);
	}
}

static void stopped(int count)
{
	struct timespec wait = { .tv_nsec = 10 * 1000 * 1000 };

	for (int i = 0; i < count; i++) {
		int status;
		pid_t child = fork();

		if (child == 0) {
			sleep_once(0);
			_exit(0);
		}
		announce(child);
		await_call(child, SYS_nanosleep);
		kill(child, SIGSTOP);
		check(waitpid(child, &status, WUNTRACED) == child && WIFSTOPPED(status), "stopped");
		nanosleep(&wait, NULL);
		kill(child, SIGCONT);
		check(waitpid(child, &status, 0) == child && status == 0, "went on");
	}
}

static pid_t start_paused(int count)
{
	pid_t child = fork();

	check(child >= 0, "fork");
	if (child == 0) {
		struct sigaction act = { .sa_handler = on_trap };

		sigaction(SIGUSR1, &act, NULL);
		answer(SYS_getppid, SECCOMP_RET_ERRNO | 0, 0);
		syscall(SYS_ppoll, NULL, 0, NULL, NULL, 8);
		getppid_times(count);
		_exit(0);
	}
	await_call(child, SYS_ppoll);
	return child;
}

static void errno_zero(int count)
{
	answer(SYS_getppid, SECCOMP_RET_ERRNO | 0, 0);
	getppid_times(count);
}

static void errno_one(int count)
{
	answer(SYS_getppid, SECCOMP_RET_ERRNO | 1, 0);
	getppid_times(count);
}

static void trace(int count)
{
	answer(SYS_getppid, SECCOMP_RET_TRACE, 0);
	getppid_times(count);
}

static void answers(int count)
{
	void (*steps[])(int) = { errno_zero, errno_one,	    trap,  trace, notify,
				 die,	     clone_to_zero, execs, births };

	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++)
		in_child(steps[i], count);
}

static const struct {
	const char *name;
	void (*run)(int);
} steps[] = {
	{ "errno-0", errno_zero },  { "errno-1", errno_one }, { "trap", trap },
	{ "trace", trace },	    { "notify", notify },     { "kill", kill_children },
	{ "clone", clone_to_zero }, { "emulated", emulated }, { "changed", changed },
	{ "forged", forged },	    { "execs", execs },	      { "execs-32", execs_32 },
	{ "births", births },	    { "stopped", stopped },   { "answers", answers },
};

int main(int argc, char **argv)
{
	const char *what = argc > 2 ? argv[1] : "";
	int count = argc > 2 ? atoi(argv[argc - 1]) : 0;
	pid_t paused = strcmp(what, "paused") ? 0 : start_paused(count);
	char byte;

	check(write(1, "ready\n", 6) == 6, "ready");
	while (read(0, &byte, 1) > 0)
		;
	announce(getpid());
	if (paused) {
		announce(paused);
		kill(paused, SIGUSR1);
		return waitpid(paused, NULL, 0) != paused;
	}
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		if (strcmp(what, steps[i].name))
			continue;
		steps[i].run(count);
		return 0;
	}
	return 2;
}
