// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* removals: unlink(2), unlinkat(2) and rmdir(2), and how they ended. */
#include <ringtap/core.h>
#include <ringtap/dispatch.h>
#include <ringtap/ring.h>
#include <ringtap/syscall.h>

struct removal_event {
	__u64 time; /* the call's end, CLOCK_MONOTONIC, ns */
	struct actor actor;
	__u32 error; /* 0 or the errno */
	__u32 reserved;
};

EXPORT_RECORD(removal_event);

/* Runs for the calls that `syscalls` in signal.ts names, when they return. */
SYSCALL_EXIT(removals_exit, struct pt_regs *regs, long ret)
{
	struct removal_event *event = reserve(sizeof(*event));

	if (!event)
		return;
	event->time = bpf_ktime_get_ns();
	current_actor(&event->actor);
	event->error = errno_of(ret);
	event->reserved = 0;
	submit(event);
}

LICENSE;
