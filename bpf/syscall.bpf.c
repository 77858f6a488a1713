// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * syscall: every system call that returns, by process and number: how often, how long, with which
 * error.
 *
 * Two paths, chosen before the load by `stream`. *Aggregate* adds a call to counts that userspace
 * reads now and then (lib/call_counts.h). *Stream* puts each call that passes the filters into the
 * ring (lib/call_filters.h).
 *
 * A call is known by its sys_enter: the number is kept from there, since rt_sigreturn(2) wipes its
 * own from the registers, with the start time. So these are not counted: a call that was under way
 * when the agent attached; the first return of a forked child; calls that do not return (exit,
 * exit_group), as in strace -c. A call that seccomp refuses never gets to sys_enter
 * (syscall_trace_enter(), kernel/entry/): it is known by returning an error without it, and counted
 * with duration 0. (Where seccomp lets a supervisor answer and that succeeds, there is nothing to
 * tell it by, and it is not counted.)
 *
 * An interrupted call counts as failed with what sys_exit shows, ERESTARTSYS and the like: the
 * kernel decides later whether the caller sees EINTR or the call is restarted, which is a call of
 * its own. strace -c counts both the same way; only a call that the thread's death cuts short it
 * does not get to see. rt_sigreturn "returns" the register that it restores, which can look like an
 * error, in strace too.
 */
#include "lib/core.h"
#include "lib/call_counts.h"
#include "lib/call_filters.h"
#include "lib/ring.h"
#include "lib/syscall.h"

/* Calls under way at once: threads there can be. Only where the kernel has no task storage. */
#define THREADS_MAX 262144

/* Which path: false, aggregate; true, stream. */
const volatile bool stream = false;

struct syscall_event {
	__u64 time;	/* the call's end, CLOCK_MONOTONIC, ns */
	__u64 duration; /* ns; 0 when seccomp refused it */
	__s64 ret;	/* what it returned, errors as negative numbers */
	struct actor actor;
	__u32 nr;    /* below 1024, with COMPAT_BIT or X32_SYSCALL_BIT */
	__u32 error; /* 0 or the errno */
};

EXPORT_RECORD(syscall_event);

/* A thread's call from sys_enter to sys_exit; start 0: there is none. */
struct call {
	__u64 start;
	__u32 nr;
	__u32 reserved;
};

/* The calls under way, where programs of this type may use task storage (Linux 5.12). */
struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call);
} call_storage SEC(".maps");

/*
 * The same for older kernels, and for tasks that get no storage, by the address of the task, which
 * a thread keeps when it takes over its leader's tid in execve(2) (de_thread(), fs/exec.c).
 *
 * Storage is refused when the kernel cannot allocate at once; since Linux 6.19 always on a CPU
 * without a 16-byte cmpxchg (f484f4a3e058; kmalloc_nolock(), mm/slub.c).
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, THREADS_MAX);
	__type(key, __u64);
	__type(value, struct call);
} call_hash SEC(".maps");

/* The call of the current task in `call_hash`, NULL when there is none. */
static __always_inline struct call *find_hashed_call(void)
{
	__u64 task = bpf_get_current_task();

	return bpf_map_lookup_elem(&call_hash, &task);
}

/* The same, made when there is none; NULL only without room. */
static __always_inline struct call *hashed_call(void)
{
	struct call none = {}, *call = find_hashed_call();
	__u64 task = bpf_get_current_task();

	if (call)
		return call;
	bpf_map_update_elem(&call_hash, &task, &none, BPF_ANY);
	return find_hashed_call();
}

static __always_inline void report(__u32 nr, long ret, __u32 error, __u64 time, __u64 duration)
{
	struct syscall_event *event;

	if (!passes_at_end(duration, error))
		return;
	event = reserve(sizeof(*event));
	if (!event)
		return;
	event->time = time;
	event->duration = duration;
	event->ret = ret;
	current_actor(&event->actor);
	event->nr = nr;
	event->error = error;
	submit(event);
}

static __always_inline bool is_wanted(__u32 nr)
{
	return !stream || passes_at_start(nr);
}

/* sys_enter, of a call that is wanted. */
static __always_inline void begin(struct call *call, __u32 nr)
{
	if (!call) {
		lose_to_map();
		return;
	}
	call->nr = nr;
	call->start = bpf_ktime_get_ns();
}

/* sys_exit. `call` is NULL, or has start 0, when sys_enter was not seen or its call not wanted. */
static __always_inline void end(struct call *call, struct pt_regs *regs, long ret)
{
	__u32 nr, error = errno_of(ret);
	__u64 now, start;

	if (call && call->start) {
		now = bpf_ktime_get_ns();
		start = call->start;
		nr = call->nr;
		call->start = 0;
	} else if (error) {
		nr = bounded_nr(unmarked_syscall_nr(regs), is_compat());
		if (!is_wanted(nr))
			return;
		now = start = bpf_ktime_get_ns();
	} else {
		return;
	}
	if (stream)
		report(nr, ret, error, now, now - start);
	else
		count(nr, error, now - start);
}

/*
 * One of the two pairs that follow is loaded: the first, or where the kernel refuses that, the
 * second.
 */

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_enter_storage, struct pt_regs *regs, long id)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u32 nr = bounded_nr(id, task_is_compat(task));
	struct call *call;

	if (!is_wanted(nr))
		return 0;
	call = bpf_task_storage_get(&call_storage, task, NULL, BPF_LOCAL_STORAGE_GET_F_CREATE);
	begin(call ? call : hashed_call(), nr);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_exit_storage, struct pt_regs *regs, long ret)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct call *call = bpf_task_storage_get(&call_storage, task, NULL, 0);

	end(call ? call : find_hashed_call(), regs, ret);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_enter_hash, struct pt_regs *regs, long id)
{
	__u32 nr = bounded_nr(id, is_compat());

	if (is_wanted(nr))
		begin(hashed_call(), nr);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_exit_hash, struct pt_regs *regs, long ret)
{
	end(find_hashed_call(), regs, ret);
	return 0;
}

/*
 * A thread's last sign of life, in do_exit() on its own task (kernel/exit.c): it makes no call any
 * more.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(syscall_forget, struct task_struct *exiting)
{
	__u64 task = (__u64)exiting;

	bpf_map_delete_elem(&call_hash, &task);
	return 0;
}

LICENSE;
