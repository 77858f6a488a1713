// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * file: every open(2), creat(2), openat(2) and openat2(2), and how it ended.
 *
 * One program, at the end of the call: its arguments are still in place there, and the kernel has
 * faulted the path in. Opens that go through io_uring are not system calls and do not come here.
 */
#include <ringtap/core.h>
#include <ringtap/ring.h>
#include <ringtap/syscall.h>

#include <asm-generic/fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>

#define PATH_LEN 256 /* of the path as the caller gave it; longer ones are cut, and marked so */

/* Should records carry the path? Without it, a record ends where the member `path` begins. */
const volatile bool with_path = true;

struct file_event {
	__u64 time;  /* the call's end, CLOCK_MONOTONIC, ns */
	__u64 flags; /* O_RDONLY, … as the caller gave them; 0 when openat2's are unreadable */
	struct actor actor;
	__u32 error;	      /* 0 or the errno */
	__u32 path_truncated; /* 1 when path was cut */
	char path[PATH_LEN];  /* as the caller gave it, relative ones too; empty when unreadable */
};

EXPORT_RECORD(file_event);

static __always_inline void describe_path(struct file_event *event, const char *path)
{
	long length = bpf_probe_read_user_str(event->path, sizeof(event->path), path);
	char rest = 0;

	if (length < 0)
		event->path[0] = 0;
	if (length == sizeof(event->path))
		bpf_probe_read_user(&rest, 1, path + sizeof(event->path) - 1);
	event->path_truncated = rest != 0;
}

static __always_inline void report(__u32 error, __u64 path, __u64 flags)
{
	struct file_event *event;

	if (with_path)
		event = reserve(sizeof(*event));
	else
		event = reserve(offsetof(struct file_event, path));
	if (!event)
		return;
	event->time = bpf_ktime_get_ns();
	event->flags = flags;
	current_actor(&event->actor);
	event->error = error;
	event->path_truncated = 0;
	if (with_path)
		describe_path(event, (const char *)path);
	submit(event);
}

static __always_inline __u64 openat2_flags(__u64 how)
{
	__u64 flags = 0;

	bpf_probe_read_user(&flags, sizeof(flags), &((struct open_how *)how)->flags);
	return flags;
}

/* Might it be an open, native or compat? Cheap, and right about most calls that are none. */
static __always_inline bool may_be_open(__u32 unmarked_nr)
{
	switch (unmarked_nr) {
#if defined(__TARGET_ARCH_x86)
	case NR_OPEN:
	case NR_CREAT:
#endif
	case NR_OPENAT:
	case NR_OPENAT2:
	case COMPAT_OPEN & ~COMPAT_BIT:
	case COMPAT_CREAT & ~COMPAT_BIT:
	case COMPAT_OPENAT & ~COMPAT_BIT:
		return true;
	default:
		return false;
	}
}

/*
 * Runs at the end of every system call. An open that a signal interrupts ends with a restart code
 * here; it counts when it has been restarted and returns. (One whose caller gets EINTR instead,
 * for want of SA_RESTART, does not count: the kernel decides that after sys_exit.)
 */
SEC("tp_btf/sys_exit")
int BPF_PROG(file_sys_exit, struct pt_regs *regs, long ret)
{
	__u64 path, flags;
	__u32 error;

	/* The numbers of x32's opens are the native ones with its bit. */
	if (!may_be_open(unmarked_syscall_nr(regs) & ~X32_SYSCALL_BIT))
		return 0;
	error = errno_of(ret);
	if (error >= ERESTARTSYS && error <= ERESTART_RESTARTBLOCK)
		return 0;
	switch (syscall_nr(regs) & ~X32_SYSCALL_BIT) {
#if defined(__TARGET_ARCH_x86)
	case NR_OPEN:
#endif
	case COMPAT_OPEN:
		path = syscall_arg(regs, 0);
		flags = (__u32)syscall_arg(regs, 1);
		break;
#if defined(__TARGET_ARCH_x86)
	case NR_CREAT:
#endif
	case COMPAT_CREAT:
		path = syscall_arg(regs, 0);
		flags = O_CREAT | O_WRONLY | O_TRUNC;
		break;
	case NR_OPENAT:
	case COMPAT_OPENAT:
		path = syscall_arg(regs, 1);
		flags = (__u32)syscall_arg(regs, 2);
		break;
	case NR_OPENAT2:
	case COMPAT_OPENAT2:
		path = syscall_arg(regs, 1);
		flags = openat2_flags(syscall_arg(regs, 2));
		break;
	default:
		return 0;
	}
	report(error, path, flags);
	return 0;
}

LICENSE;
