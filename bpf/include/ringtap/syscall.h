/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * System calls as the raw tracepoints sys_enter and sys_exit show them: number, arguments, and
 * whether the caller is 32-bit. The arguments are still in place at sys_exit (on arm64 the first
 * one in orig_x0), and user memory has been faulted in.
 */
#pragma once

#include <ringtap/task.h>

/*
 * Set in a number to tell a 32-bit caller's table from the native one; numbers themselves stay
 * below it.
 */
#define COMPAT_BIT 0x80000000u

/*
 * Set by the callers of x86's third table in their numbers (__X32_SYSCALL_BIT,
 * arch/x86/include/uapi/asm/unistd.h).
 */
#define X32_SYSCALL_BIT 0x40000000u

/* What a call can return as an error: -MAX_ERRNO to -1 (include/linux/err.h). */
#define MAX_ERRNO 4095

/* Kernel-internal codes of an interrupted call, seen at sys_exit only (include/linux/errno.h). */
#define ERESTARTSYS 512
#define ERESTART_RESTARTBLOCK 516

KERNEL_TYPES_BEGIN

#if defined(__TARGET_ARCH_x86)
#define TS_COMPAT 0x0002 /* arch/x86/include/asm/thread_info.h */

struct pt_regs {
	unsigned long r10, bx, cx, dx, si, di, orig_ax;
};
#elif defined(__TARGET_ARCH_arm64)
#define TIF_32BIT 22 /* arch/arm64/include/asm/thread_info.h */

struct pt_regs {
	__u64 regs[31];
	__u64 pstate;
	__u64 orig_x0;
	int syscallno;
};
#else
#error "unsupported architecture: add its registers and numbers here"
#endif

KERNEL_TYPES_END

#if defined(__TARGET_ARCH_x86)
KERNEL_TYPES_BEGIN

struct pt_regs___function {
	unsigned long r8, ax, cx, dx, si, di;
};

KERNEL_TYPES_END
#endif

/* An argument of a function that has just been called, from 0 to 4 (System V ABI; AAPCS64). */
static __always_inline __u64 function_argument(struct pt_regs *regs, int n)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs___function *call = (void *)regs;

	switch (n) {
	case 0:
		return call->di;
	case 1:
		return call->si;
	case 2:
		return call->dx;
	case 3:
		return call->cx;
	default:
		return call->r8;
	}
#else
	return regs->regs[n];
#endif
}

/* What a function that has just returned gives back. */
static __always_inline __u64 function_result(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs___function *call = (void *)regs;

	return call->ax;
#else
	return regs->regs[0];
#endif
}

/*
 * The functions that carry calls out, for fexit programs: each takes the registers and returns what
 * the call does, as sys_exit has both. Where 32-bit callers have one of their own for a call, it is
 * COMPAT_FUNCTION(); on x86 else OTHER_FUNCTION(), on arm64 the native one
 * (arch/x86/include/asm/syscall_wrapper.h, the same of arm64).
 */
#if defined(__TARGET_ARCH_x86)
#define NATIVE_FUNCTION(call) "__x64_sys_" #call
#define OTHER_FUNCTION(call) "__ia32_sys_" #call
#define COMPAT_FUNCTION(call) "__ia32_compat_sys_" #call
#else
#define NATIVE_FUNCTION(call) "__arm64_sys_" #call
#define COMPAT_FUNCTION(call) "__arm64_compat_sys_" #call
#endif

/* The numbers that signals select by, native and (with COMPAT_BIT) of a 32-bit caller. */
#if defined(__TARGET_ARCH_x86)
enum syscall_nr {
	NR_OPEN = 2,
	NR_CONNECT = 42,
	NR_ACCEPT = 43,
	NR_GETSOCKOPT = 55,
	NR_CREAT = 85,
	NR_OPENAT = 257,
	NR_ACCEPT4 = 288,
	NR_OPENAT2 = 437,
	COMPAT_OPEN = COMPAT_BIT | 5,
	COMPAT_CREAT = COMPAT_BIT | 8,
	COMPAT_OPENAT = COMPAT_BIT | 295,
	COMPAT_CONNECT = COMPAT_BIT | 362,
	COMPAT_ACCEPT4 = COMPAT_BIT | 364,
	COMPAT_GETSOCKOPT = COMPAT_BIT | 365,
	COMPAT_OPENAT2 = COMPAT_BIT | 437,
};
#else
enum syscall_nr {
	NR_OPENAT = 56,
	NR_ACCEPT = 202,
	NR_CONNECT = 203,
	NR_GETSOCKOPT = 209,
	NR_ACCEPT4 = 242,
	NR_OPENAT2 = 437,
	COMPAT_OPEN = COMPAT_BIT | 5,
	COMPAT_CREAT = COMPAT_BIT | 8,
	COMPAT_CONNECT = COMPAT_BIT | 283,
	COMPAT_ACCEPT = COMPAT_BIT | 285,
	COMPAT_GETSOCKOPT = COMPAT_BIT | 295,
	COMPAT_OPENAT = COMPAT_BIT | 322,
	COMPAT_ACCEPT4 = COMPAT_BIT | 366,
	COMPAT_OPENAT2 = COMPAT_BIT | 437,
};
#endif

/*
 * Is the current task in a 32-bit system call on this 64-bit kernel? As the kernel itself notes it,
 * from the call's entry until its return (syscall_32_enter(), arch/x86/entry/; on arm64, for the
 * whole program): registers hold what the caller likes, and 64-bit code can use `int $0x80`.
 */
static __always_inline bool is_compat(void)
{
#if defined(__TARGET_ARCH_x86)
	if (has_typed_task())
		return bpf_get_current_task_btf()->thread_info.status & TS_COMPAT;
	return READ(current_task(), thread_info.status) & TS_COMPAT;
#else
	if (has_typed_task())
		return bpf_get_current_task_btf()->thread_info.flags & (1ul << TIF_32BIT);
	return READ(current_task(), thread_info.flags) & (1ul << TIF_32BIT);
#endif
}

/*
 * The number of the call that `regs` belong to, in the caller's table, whichever that is: cheap
 * enough to filter by first.
 */
static __always_inline __u32 unmarked_syscall_nr(struct pt_regs *regs)
{
#if defined(__TARGET_ARCH_x86)
	return regs->orig_ax;
#else
	return regs->syscallno;
#endif
}

/* What is left of a number at sys_exit of sigreturn, which wipes it. */
#define NR_WIPED 0xffffffffu

/*
 * The same with COMPAT_BIT for a 32-bit caller. An x32 caller's number keeps X32_SYSCALL_BIT; after
 * sigreturn it is NR_WIPED.
 */
static __always_inline __u32 syscall_nr(struct pt_regs *regs)
{
	__u32 nr = unmarked_syscall_nr(regs);

	return is_compat() ? nr | COMPAT_BIT : nr;
}

/*
 * Numbers from here on, which no table has, are all counted as this one: a program can ask for any
 * number it likes.
 */
#define NR_UNKNOWN 1023

/* Numbers that are counted apart: three tables of 1024. */
#define TABLE_NRS 1024
#define NR_COUNT (3 * TABLE_NRS)

/*
 * The private calls of 32-bit Arm, 0xf0000 + n (arch/arm/include/uapi/asm/unistd.h), are counted as
 * these.
 */
#define NR_ARM_PRIVATE 1000

/* A number below 1024, with the marks of its table, from one in the caller's table. */
static __always_inline __u32 bounded_nr(__u32 nr, bool compat)
{
	__u32 x32 = 0;

#if defined(__TARGET_ARCH_x86)
	if (!compat)
		x32 = nr & X32_SYSCALL_BIT;
	nr ^= x32;
#else
	if (compat && nr - 0xf0000 < 16)
		nr -= 0xf0000 - NR_ARM_PRIVATE;
#endif
	if (nr >= NR_UNKNOWN)
		return NR_UNKNOWN;
	return nr | x32 | (compat ? COMPAT_BIT : 0);
}

/*
 * The place of a bounded number among NR_COUNT: native ones are 0 to 1023, compat ones follow, then
 * x32's.
 */
static __always_inline __u32 number_index(__u32 nr)
{
	__u32 index = nr & 1023;

	if (nr & COMPAT_BIT)
		index += 1024;
	else if (nr & X32_SYSCALL_BIT)
		index += 2048;
	return index;
}

/* Argument `n`, 0 to 3, of a 32-bit caller or not. */
static __always_inline __u64 syscall_arg_of(struct pt_regs *regs, int n, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	if (compat)
		return (__u32)(n == 0 ? regs->bx :
			       n == 1 ? regs->cx :
			       n == 2 ? regs->dx :
					regs->si);
	return n == 0 ? regs->di : n == 1 ? regs->si : n == 2 ? regs->dx : regs->r10;
#else
	return n == 0 ? regs->orig_x0 : regs->regs[n];
#endif
}

/* The same of the current task. */
static __always_inline __u64 syscall_arg(struct pt_regs *regs, int n)
{
	return syscall_arg_of(regs, n, is_compat());
}

/* The errno that a call returned, restart codes among them; 0 when it did not fail. */
static __always_inline __u32 errno_of(long ret)
{
	return ret < 0 && ret >= -MAX_ERRNO ? -ret : 0;
}
