// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * syscall: every system call that returns, by process and number: how often, how long, with which
 * error.
 *
 * Two paths, chosen before the load by `stream`. *Aggregate* adds a call to counts that userspace
 * reads each second (call_counts.h). *Stream* puts each call that passes the filters into the
 * ring (call_filters.h).
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
 * does not see. rt_sigreturn "returns" the register that it restores, which can look like an error,
 * in strace too.
 */
#include <ringtap/core.h>
#include <ringtap/iter.h>
#include <ringtap/ring.h>
#include <ringtap/syscall.h>

#include "call_counts.h"
#include "call_filters.h"

/* Threads that can be off their CPU in the middle of a call, or have been since they began. */
#define THREADS_MAX 65536

/* Marks of calls beyond that, a power of two. */
#define UNSAVED_MAX 16384

/* Which path: false, aggregate; true, stream. */
const volatile bool stream = false;

/* Calls that took as long, and those that failed, are never sampled. */
const volatile __u64 slow_ns = 10 * 1000 * 1000;

struct syscall_event {
	__u64 time;	/* the call's end, CLOCK_MONOTONIC, ns */
	__u64 duration; /* ns; 0 when seccomp refused it */
	__s64 ret;	/* what it returned, errors as negative numbers */
	struct actor actor;
	__u32 nr;    /* below 1024, with COMPAT_BIT or X32_SYSCALL_BIT */
	__u32 error; /* 0 or the errno */
};

EXPORT_RECORD(syscall_event);

/* A call from sys_enter to sys_exit; start 0: there is none. */
struct call {
	__u64 start; /* CLOCK_MONOTONIC, ns */
	__u32 nr;
	__u32 reserved;
};

/*
 * The call under way of the task that runs on a CPU: the cheapest place to find it again. When the
 * task leaves the CPU, the call moves to `waiting`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call);
} running SEC(".maps");

/*
 * The calls of other tasks, by the address of the task, which a thread keeps when it takes over its
 * leader's tid in execve(2) (de_thread(), fs/exec.c). Preallocated: the scheduler's lock is held
 * where entries are made, and no allocator may be called there.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, THREADS_MAX);
	__type(key, __u64);
	__type(value, struct call);
} waiting SEC(".maps");

/*
 * The tasks whose call found `waiting` full, by the hash of the task's address. When such a call
 * returns, it is counted as map_full; without the mark, a failed one would be taken for a call that
 * seccomp has refused. A mark that another task's replaces counts its call as map_full then.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, UNSAVED_MAX);
	__type(key, __u32);
	__type(value, __u64);
} unsaved SEC(".maps");

/* Has `waiting` ever been full? While it has not, no mark needs to be read. */
static bool was_full;

static __always_inline struct call *running_call(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&running, &zero);
}

/* The call that a task has been off its CPU with; NULL when it never was. */
static __always_inline struct call *waiting_call(__u64 task)
{
	return bpf_map_lookup_elem(&waiting, &task);
}

static __always_inline void report(__u32 nr, long ret, __u32 error, __u64 time, __u64 duration)
{
	struct syscall_event *event;
	__u64 waiting;

	if (!passes_at_end(duration, error))
		return;
	waiting = waiting_bytes();
	if (!error && duration < slow_ns && is_sampled_out(waiting))
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
	submit_behind(event, waiting);
}

static __always_inline bool is_wanted(__u32 nr)
{
	return !stream || passes_at_start(nr);
}

static __always_inline __u64 *mark_of(__u64 task)
{
	__u32 index = (task * 0x9e3779b97f4a7c15ull >> 32) & (UNSAVED_MAX - 1);

	return bpf_map_lookup_elem(&unsaved, &index);
}

static __always_inline void mark_unsaved(__u64 task)
{
	__u64 *mark = mark_of(task);

	was_full = true;
	if (!mark)
		return;
	if (*mark)
		count_map_full();
	*mark = task;
}

/* Deletes the mark of a task; true when there was one. */
static __always_inline bool delete_mark(__u64 task)
{
	__u64 *mark;

	if (!was_full)
		return false;
	mark = mark_of(task);
	if (!mark || *mark != task)
		return false;
	*mark = 0;
	return true;
}

static __always_inline void save_call(struct call *call, struct task_struct *task)
{
	__u64 key = address_of(task);
	struct call *kept = waiting_call(key);

	if (kept)
		*kept = *call;
	else if (!(task->flags & PF_EXITING) &&
		 bpf_map_update_elem(&waiting, &key, call, BPF_NOEXIST))
		mark_unsaved(key);
}

/* Is it the call that returns now? rt_sigreturn(2) cannot be recognised: it wipes its number. */
static __always_inline bool is_returning(struct call *call, struct pt_regs *regs)
{
	__u32 nr = unmarked_syscall_nr(regs);

	return nr == NR_WIPED || ((bounded_nr(nr, is_compat()) ^ call->nr) & 1023) == 0;
}

/*
 * The call that the current task returns from, which is over with that; start 0 where there is
 * none.
 *
 * Kernels newer than 6.18 let this program be preempted. The call may be saved meanwhile, and
 * the next task's take its place: so the start is read last, and then the number was this call's.
 * Where that happens right before the place is cleared, the call stays in `waiting` though it is
 * over. So may a call whose end these kernels leave out, for which see docs/kernels.md. A later
 * call must not be mistaken for it.
 */
static __always_inline struct call pop_call(struct pt_regs *regs)
{
	struct call popped = {}, *call = running_call();

	if (call) {
		popped.nr = *(volatile __u32 *)&call->nr;
		popped.start = *(volatile __u64 *)&call->start;
	}
	if (popped.start) {
		call->start = 0;
		return popped;
	}
	call = waiting_call(bpf_get_current_task());
	if (!call || !call->start)
		return popped;
	if (is_returning(call, regs))
		popped = *call;
	call->start = 0;
	return popped;
}

/*
 * A CPU goes from one task to another. Attached before the two that follow: no call may pass from
 * one task to the other.
 */
SEC("tp_btf/sched_switch")
int BPF_PROG(syscall_switch, bool preempted, struct task_struct *task)
{
	struct call *call = running_call();

	if (!call || !call->start)
		return 0;
	save_call(call, task);
	call->start = 0;
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(syscall_enter, struct pt_regs *regs, long id)
{
	__u32 nr = bounded_nr(id, is_compat_entry(regs));
	struct call *call = running_call();

	if (!call)
		return 0;
	call->nr = nr;
	call->start = is_wanted(nr) ? bpf_ktime_get_ns() : 0;
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(syscall_exit, struct pt_regs *regs, long ret)
{
	struct call call = pop_call(regs);
	__u32 error = errno_of(ret);
	__u64 now;

	if (call.start) {
		now = bpf_ktime_get_ns();
	} else if (delete_mark(bpf_get_current_task())) {
		count_map_full();
		return 0;
	} else if (error) {
		call.nr = bounded_nr(unmarked_syscall_nr(regs), is_compat());
		if (!is_wanted(call.nr))
			return 0;
		now = call.start = bpf_ktime_get_ns();
	} else {
		return 0;
	}
	if (stream)
		report(call.nr, ret, error, now, now - call.start);
	else
		count(call.nr, error, now - call.start);
	return 0;
}

/*
 * Fires in do_exit() on the exiting task (kernel/exit.c), which makes no call any more.
 */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(syscall_cleanup, struct task_struct *task)
{
	__u64 key = address_of(task);

	bpf_map_delete_elem(&waiting, &key);
	delete_mark(key);
	return 0;
}

/*
 * Learns which process the agent is: userspace reads it once, so that it runs on the agent's own
 * task. The agent itself may know its tgid in another pid namespace only.
 */
SEC("iter/bpf_map_elem")
int syscall_agent(struct bpf_iter__bpf_map_elem *ctx)
{
	agent_tgid = current_tgid();
	return 0;
}

LICENSE;
