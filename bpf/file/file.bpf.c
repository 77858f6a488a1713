// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * file: every open(2), creat(2), openat(2) and openat2(2), and how it ended.
 *
 * Each is counted in the kernel (open_counts.h). Those that someone watches are records besides.
 *
 * A program at the end of the call: its arguments are still in place there, and the kernel has
 * faulted the path in. Where the kernel allows it, that is a program for each call's function
 * (fexit), so that other calls cost nothing; what seccomp or a tracer answers in the kernel's place
 * does not come there. Opens that go through io_uring are not system calls and do not come here.
 */
#include <ringtap/core.h>
#include <ringtap/dispatch.h>
#include <ringtap/ring.h>
#include <ringtap/syscall.h>

#include "open_counts.h"

#include <asm-generic/fcntl.h>
#include <linux/openat2.h>
#include <stddef.h>

#define PATH_LEN 256 /* of the path as the caller gave it; longer ones are cut, and marked so */

/* Are opens counted? In `ringtap trace`, no one reads counts. */
const volatile bool counting = true;

/* Which opens have a record. Userspace changes it while the program runs. */
volatile bool failures_wanted;
volatile bool successes_wanted;

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

/* The calls that open files, by where they have their arguments. */
enum form {
	NO_OPEN,
	OPEN,
	CREAT,
	OPENAT,
	OPENAT2,
};

static __always_inline __u64 flags_of(struct pt_regs *regs, enum form form)
{
	__u64 flags = 0;

	if (form == OPEN)
		return (__u32)syscall_arg(regs, 1);
	if (form == CREAT)
		return O_CREAT | O_WRONLY | O_TRUNC;
	if (form == OPENAT)
		return (__u32)syscall_arg(regs, 2);
	bpf_probe_read_user(&flags, sizeof(flags),
			    &((struct open_how *)syscall_arg(regs, 2))->flags);
	return flags;
}

static __always_inline const char *path_of(struct pt_regs *regs, enum form form)
{
	return (const char *)syscall_arg(regs, form == OPENAT || form == OPENAT2);
}

static __always_inline void send(struct pt_regs *regs, enum form form, __u32 error)
{
	struct file_event *event;

	if (with_path)
		event = reserve(sizeof(*event));
	else
		event = reserve(offsetof(struct file_event, path));
	if (!event)
		return;
	event->time = bpf_ktime_get_ns();
	event->flags = flags_of(regs, form);
	current_actor(&event->actor);
	event->error = error;
	event->path_truncated = 0;
	if (with_path)
		describe_path(event, path_of(regs, form));
	submit(event);
}

/*
 * count(), where opens are counted. Global, so that the verifier walks it once and not for each
 * form of an open; without the constant it would walk it even where its maps are left out.
 */
__noinline bool count_open(__u32 outcome, bool has_record)
{
	return !counting || count(outcome, has_record);
}

static __always_inline enum form form_of(__u32 nr)
{
	switch (nr) {
#if defined(__TARGET_ARCH_x86)
	case NR_OPEN:
#endif
	case COMPAT_OPEN:
		return OPEN;
#if defined(__TARGET_ARCH_x86)
	case NR_CREAT:
#endif
	case COMPAT_CREAT:
		return CREAT;
	case NR_OPENAT:
	case COMPAT_OPENAT:
		return OPENAT;
	case NR_OPENAT2:
	case COMPAT_OPENAT2:
		return OPENAT2;
	default:
		return NO_OPEN;
	}
}

/*
 * An open that a POSIX signal interrupts ends with a restart code here; it counts when it has been
 * restarted and returns. (One whose caller gets EINTR instead, for want of SA_RESTART, does not
 * count: the kernel decides that after sys_exit.)
 */
static __always_inline void open_returned(struct pt_regs *regs, enum form form, long ret)
{
	__u32 error = errno_of(ret);
	bool has_record;

	if (error >= ERESTARTSYS && error <= ERESTART_RESTARTBLOCK)
		return;
	has_record = error ? failures_wanted : successes_wanted;
	if (!count_open(error, has_record))
		count_map_full();
	else if (has_record)
		send(regs, form, error);
}

SYSCALL_EXIT(file_sys_exit, struct pt_regs *regs, long ret)
{
	/* The numbers of x32's opens are the native ones with its bit. */
	enum form form = form_of(syscall_nr(regs) & ~X32_SYSCALL_BIT);

	if (form != NO_OPEN)
		open_returned(regs, form, ret);
}

/* The same at the return of one call alone. */
#define OPEN_RETURN(name, function, form)                                           \
	static __always_inline void name##_returned(struct pt_regs *regs, long ret) \
	{                                                                           \
		open_returned(regs, form, ret);                                     \
	}                                                                           \
	CALL_RETURN(name, function, name##_returned)

OPEN_RETURN(file_openat, NATIVE_FUNCTION(openat), OPENAT)
OPEN_RETURN(file_openat2, NATIVE_FUNCTION(openat2), OPENAT2)
OPEN_RETURN(file_open_32, COMPAT_FUNCTION(open), OPEN)
OPEN_RETURN(file_openat_32, COMPAT_FUNCTION(openat), OPENAT)
#if defined(__TARGET_ARCH_x86)
OPEN_RETURN(file_open, NATIVE_FUNCTION(open), OPEN)
OPEN_RETURN(file_creat, NATIVE_FUNCTION(creat), CREAT)
OPEN_RETURN(file_creat_32, OTHER_FUNCTION(creat), CREAT)
OPEN_RETURN(file_openat2_32, OTHER_FUNCTION(openat2), OPENAT2)
#else
OPEN_RETURN(file_creat_32, NATIVE_FUNCTION(creat), CREAT)
#endif

LICENSE;
