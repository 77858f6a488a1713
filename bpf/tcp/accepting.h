/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Threads that were waiting in accept(2) when the agent attached. A program at the return of a
 * function (fexit) sees only those calls that have begun since. So such a thread's next connection
 * counts when it becomes the process's, in the middle of the call; should the call have begun after
 * all, fexit passes over it. Not for programs on sys_exit, which see every return.
 */
#pragma once

#include <ringtap/account.h>
#include <ringtap/iter.h>
#include <ringtap/sock.h>
#include <ringtap/socket_call.h>

/* Such threads; a further one's connection is counted as map_full. */
#define ACCEPTING_MAX 4096

/* By tid: the socket whose accept has been counted in the middle of the call, 0 before that. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, ACCEPTING_MAX);
	__type(key, __u32);
	__type(value, __u64);
} accepting SEC(".maps");

/* Has the map ever had an entry? Where no thread was waiting, accepts need not search it. */
static volatile bool has_accepting;

/*
 * The number of the call that a task is in, in its own table; any number when it is in none. Before
 * Linux 5.15 there is no such helper: the kernel refuses the program, and with it the hook set.
 */
static __always_inline __u32 call_of(struct task_struct *task)
{
	return unmarked_syscall_nr((void *)bpf_task_pt_regs(task));
}

static __always_inline bool is_accept(__u32 nr)
{
#if defined(__TARGET_ARCH_x86)
	if (nr == (COMPAT_SOCKETCALL & ~COMPAT_BIT))
		return true;
#else
	if (nr == (COMPAT_ACCEPT & ~COMPAT_BIT))
		return true;
#endif
	return nr == NR_ACCEPT || nr == NR_ACCEPT4 || nr == (COMPAT_ACCEPT4 & ~COMPAT_BIT);
}

/* Userspace reads it once, after attaching. A thread too many does no harm. */
SEC("iter/task")
int tcp_accepting(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u64 none = 0;
	__u32 tid;

	if (task && piece_ends())
		return 1;
	if (!task || !is_accept(call_of(task)))
		return 0;
	tid = task->pid;
	has_accepting = true;
	update_or_count(&accepting, &tid, &none, BPF_ANY);
	return 0;
}

/* Called in the middle of accept(2). Is it to be counted there? Then is_counted_accept(). */
static __always_inline bool begins_unseen_accept(struct sock *sk)
{
	__u32 tid = current_tid();
	__u64 *counted;

	counted = bpf_map_lookup_elem(&accepting, &tid);
	if (!counted)
		return false;
	if (*counted) {
		/* The earlier call returned unseen. Of this one fexit sees the return. */
		bpf_map_delete_elem(&accepting, &tid);
		return false;
	}
	*counted = (__u64)sk;
	return true;
}

/* Has the accept(2) that returns this socket been counted already? */
static __always_inline bool is_counted_accept(struct sock *sk)
{
	__u32 tid = current_tid();
	__u64 *counted;
	bool is_counted;

	if (!has_accepting)
		return false;
	counted = bpf_map_lookup_elem(&accepting, &tid);
	if (!counted)
		return false;
	is_counted = *counted == (__u64)sk;
	bpf_map_delete_elem(&accepting, &tid);
	return is_counted;
}
