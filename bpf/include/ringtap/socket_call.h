/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls on sockets: their numbers, and their arguments, those of socketcall(2) among them. Also of
 * the call by which the current task sends or receives, for programs that the kernel runs in the
 * middle of it (sock_send_length, sock_recv_length): its arguments are still in place.
 */
#pragma once

#include <ringtap/sock.h>
#include <ringtap/syscall.h>

#define ENOSYS 38

#if defined(__TARGET_ARCH_x86)
enum socket_call {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_READV = 19,
	NR_WRITEV = 20,
	NR_SENDFILE = 40,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
	NR_SENDMSG = 46,
	NR_RECVMSG = 47,
	NR_SETSOCKOPT = 54,
	NR_SPLICE = 275,
	NR_RECVMMSG = 299,
	NR_SENDMMSG = 307,
	NR_PREADV2 = 327,
	NR_PWRITEV2 = 328,
	COMPAT_READ = COMPAT_BIT | 3,
	COMPAT_WRITE = COMPAT_BIT | 4,
	COMPAT_SOCKETCALL = COMPAT_BIT | 102,
	COMPAT_READV = COMPAT_BIT | 145,
	COMPAT_WRITEV = COMPAT_BIT | 146,
	COMPAT_SENDFILE = COMPAT_BIT | 187,
	COMPAT_SENDFILE64 = COMPAT_BIT | 239,
	COMPAT_SPLICE = COMPAT_BIT | 313,
	COMPAT_RECVMMSG = COMPAT_BIT | 337,
	COMPAT_SENDMMSG = COMPAT_BIT | 345,
	COMPAT_SETSOCKOPT = COMPAT_BIT | 366,
	COMPAT_SENDTO = COMPAT_BIT | 369,
	COMPAT_SENDMSG = COMPAT_BIT | 370,
	COMPAT_RECVFROM = COMPAT_BIT | 371,
	COMPAT_RECVMSG = COMPAT_BIT | 372,
	COMPAT_PREADV2 = COMPAT_BIT | 378,
	COMPAT_PWRITEV2 = COMPAT_BIT | 379,
	COMPAT_RECVMMSG_TIME64 = COMPAT_BIT | 417,
	/* Calls that socketcall(2) alone has: numbers that no caller uses. */
	COMPAT_SEND = COMPAT_BIT | 0x10000,
	COMPAT_RECV = COMPAT_BIT | 0x10001,
	COMPAT_ACCEPT = COMPAT_BIT | 0x10002,
};
#else
enum socket_call {
	NR_READ = 63,
	NR_WRITE = 64,
	NR_READV = 65,
	NR_WRITEV = 66,
	NR_SENDFILE = 71,
	NR_SPLICE = 76,
	NR_SENDTO = 206,
	NR_RECVFROM = 207,
	NR_SETSOCKOPT = 208,
	NR_SENDMSG = 211,
	NR_RECVMSG = 212,
	NR_RECVMMSG = 243,
	NR_SENDMMSG = 269,
	NR_PREADV2 = 286,
	NR_PWRITEV2 = 287,
	COMPAT_READ = COMPAT_BIT | 3,
	COMPAT_WRITE = COMPAT_BIT | 4,
	COMPAT_READV = COMPAT_BIT | 145,
	COMPAT_WRITEV = COMPAT_BIT | 146,
	COMPAT_SENDFILE = COMPAT_BIT | 187,
	COMPAT_SENDFILE64 = COMPAT_BIT | 239,
	COMPAT_SEND = COMPAT_BIT | 289,
	COMPAT_SENDTO = COMPAT_BIT | 290,
	COMPAT_RECV = COMPAT_BIT | 291,
	COMPAT_RECVFROM = COMPAT_BIT | 292,
	COMPAT_SETSOCKOPT = COMPAT_BIT | 294,
	COMPAT_SENDMSG = COMPAT_BIT | 296,
	COMPAT_RECVMSG = COMPAT_BIT | 297,
	COMPAT_SPLICE = COMPAT_BIT | 340,
	COMPAT_RECVMMSG = COMPAT_BIT | 365,
	COMPAT_SENDMMSG = COMPAT_BIT | 374,
	COMPAT_PREADV2 = COMPAT_BIT | 392,
	COMPAT_PWRITEV2 = COMPAT_BIT | 393,
	COMPAT_RECVMMSG_TIME64 = COMPAT_BIT | 417,
};
#endif

/*
 * Are these the registers of a call that is under way? At a call's exit the task may still send and
 * receive, for io_uring (task_work_run()), and the registers are what the caller will see.
 */
static __always_inline bool is_under_way(struct pt_regs *regs, struct sock *sk)
{
#if defined(__TARGET_ARCH_x86)
	return (long)function_result(regs) == -ENOSYS;
#else
	struct file *file = file_of(syscall_arg(regs, 0));
	struct socket *socket = BPF_CORE_READ(file, private_data);

	return (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK &&
	       BPF_CORE_READ(socket, sk) == sk;
#endif
}

/* The registers of the current task's call on this socket; NULL when it is in none. */
static __always_inline struct pt_regs *registers_of_call(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs;

	if (task->flags & PF_KTHREAD)
		return NULL;
	regs = (void *)bpf_task_pt_regs(task);
	return is_under_way(regs, sk) ? regs : NULL;
}

/* The registers of the current task's call, for a program at its return. */
static __always_inline struct pt_regs *registers_at_return(void)
{
	return (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
}

/* Argument 4 of a call, 32-bit callers' among them. */
static __always_inline __u64 fifth_arg_of(struct pt_regs *regs, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs___function *more = (void *)regs;

	return compat ? (__u32)regs->di : more->r8;
#else
	return regs->regs[4];
#endif
}

#if defined(__TARGET_ARCH_x86)
/* The call that socketcall(2) makes: by its number there, include/uapi/linux/net.h. */
static __always_inline __u32 call_within_socketcall(__u64 call)
{
	switch (call) {
	case 3:
		return COMPAT_CONNECT;
	case 5:
		return COMPAT_ACCEPT;
	case 9:
		return COMPAT_SEND;
	case 10:
		return COMPAT_RECV;
	case 11:
		return COMPAT_SENDTO;
	case 12:
		return COMPAT_RECVFROM;
	case 14:
		return COMPAT_SETSOCKOPT;
	case 15:
		return COMPAT_GETSOCKOPT;
	case 16:
		return COMPAT_SENDMSG;
	case 17:
		return COMPAT_RECVMSG;
	case 18:
		return COMPAT_ACCEPT4;
	case 19:
		return COMPAT_RECVMMSG;
	case 20:
		return COMPAT_SENDMMSG;
	default:
		return COMPAT_SOCKETCALL;
	}
}
#endif

/*
 * The number of a call on a socket, marked with its table: of a socketcall(2), by which the C
 * library of i386 makes most of them, that of the call within.
 */
static __always_inline __u32 socket_call_nr(struct pt_regs *regs, bool compat)
{
	__u32 nr = unmarked_syscall_nr(regs) | (compat ? COMPAT_BIT : 0);

#if defined(__TARGET_ARCH_x86)
	if (nr == COMPAT_SOCKETCALL)
		nr = call_within_socketcall(syscall_arg_of(regs, 0, compat));
#endif
	return nr;
}

/* Its argument `n`, 0 to 4. */
static __always_inline __u64 socket_call_arg(struct pt_regs *regs, int n, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	__u32 argument = 0;

	if (compat && unmarked_syscall_nr(regs) == (COMPAT_SOCKETCALL & ~COMPAT_BIT)) {
		bpf_probe_read_user(&argument, sizeof(argument),
				    (void *)(syscall_arg_of(regs, 1, compat) + 4 * n));
		return argument;
	}
#endif
	return n == 4 ? fifth_arg_of(regs, compat) : syscall_arg_of(regs, n, compat);
}
