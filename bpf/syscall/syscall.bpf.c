// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * syscall: every system call that returns, by process and number: how often, how long, with which
 * error.
 *
 * Two paths, chosen before the load by `stream`. *Aggregate* adds a call to counts that userspace
 * reads each second (call_counts.h). *Stream* puts each call that passes the filters into the
 * ring (call_filters.h), and adds those that it leaves out there, sampled or for want of space, to
 * the same counts.
 *
 * Which call a return belongs to: calls_under_way.h. Calls that do not return (exit, exit_group)
 * are not counted, as in strace -c.
 *
 * An interrupted call counts as failed with what sys_exit shows, ERESTARTSYS and the like: the
 * kernel decides later whether the caller sees EINTR or the call is restarted, which is a call of
 * its own. strace -c counts both the same way; only a call that the thread's death cuts short it
 * does not see. rt_sigreturn "returns" the register that it restores, which can look like an error,
 * in strace too.
 */
#include <ringtap/core.h>
#include <ringtap/dispatch.h>
#include <ringtap/iter.h>
#include <ringtap/ring.h>
#include <ringtap/syscall.h>

#include "call_counts.h"
#include "call_filters.h"
#include "calls_under_way.h"

/* Which path: false, aggregate; true, stream. */
const volatile bool stream = false;

/* Are calls counted that have no record? In a stream for `ringtap trace`, no one reads counts. */
const volatile bool counting = true;

/* Calls that took as long, and those that failed, are never sampled. */
const volatile __u64 slow_ns = 10 * 1000 * 1000;

struct syscall_event {
	__u64 time;	/* the call's end, CLOCK_MONOTONIC, ns */
	__u64 duration; /* ns; 0 when seccomp or a tracer answered it */
	__s64 ret;	/* what it returned, errors as negative numbers */
	struct actor actor;
	__u32 nr;    /* below 1024, with COMPAT_BIT or X32_SYSCALL_BIT */
	__u32 error; /* 0 or the errno */
};

EXPORT_RECORD(syscall_event);

static __always_inline enum drop report(__u32 nr, long ret, __u32 error, __u64 time, __u64 duration)
{
	__u64 waiting = waiting_bytes();
	bool needed = error || duration >= slow_ns;
	struct syscall_event *event;
	enum drop drop;

	event = reserve_sampled(sizeof(*event), waiting, needed, &drop);
	if (!event)
		return drop;
	event->time = time;
	event->duration = duration;
	event->ret = ret;
	current_actor(&event->actor);
	event->nr = nr;
	event->error = error;
	submit_behind(event, waiting);
	return NOT_DROPPED;
}

static __always_inline bool is_wanted(__u32 nr)
{
	return !stream || passes_at_start(nr);
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
	if (current_timing() == TIMING_SAMPLED) {
		if (call->start == UNTIMED) {
			call->start = bpf_ktime_get_ns();
			call->before = 0;
		} else if (call->weight == TIMED_ONE_IN) {
			call->before = time_before(bpf_ktime_get_ns() - call->start);
		}
		call->weight = 1;
	}
	/* One that is not wanted still is not when it returns, unless the process is renamed. */
	if (call->start != UNWANTED || filter_comms)
		save_call(call, task);
	call->start = 0;
	return 0;
}

/*
 * Fires in kernel_clone() on the parent, before the new task runs (kernel/fork.c). Attached before
 * syscall_exit, so that only a task whose parent was making it meanwhile is not known.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(syscall_fork, struct task_struct *parent, struct task_struct *child)
{
	struct call born = { .start = BORN };
	__u64 key = address_of(child);

	bpf_map_update_elem(&waiting, &key, &born, BPF_ANY);
	return 0;
}

/* The start of a call that begins on this CPU, and its weight where not all calls have the same. */
static __always_inline __u64 start_of(struct cpu *cpu)
{
	__u32 how = timing;

	if (timing_changes) {
		how = timing_now;
		cpu->call.timing = how;
		cpu->call.weight = 1;
		cpu->call.before = 0;
	}
	if (how == TIMING_ALL)
		return bpf_ktime_get_ns();
	if (how == TIMING_SAMPLED && is_sample(&cpu->until_sample, &cpu->random)) {
		cpu->call.weight = TIMED_ONE_IN;
		cpu->call.before = 0;
		return bpf_ktime_get_ns();
	}
	return UNTIMED;
}

SYSCALL_ENTER(syscall_enter, struct pt_regs *regs, long id)
{
	__u32 nr = bounded_nr(id, is_compat());
	struct cpu *cpu = this_cpu();

	if (!cpu)
		return;
	cpu->call.nr = nr;
	cpu->call.start = is_wanted(nr) ? start_of(cpu) : UNWANTED;
}

/*
 * count() for rare paths: global, so that the verifier walks it once and not for each way that
 * leads here. Without the constant it would walk it even where its maps are left out.
 */
__noinline bool count_rare(__u32 nr, __u32 error, __u64 duration)
{
	return counting && count(nr, error, duration, 1, 0);
}

static __always_inline void report_or_count(__u32 nr, long ret, __u32 error, __u64 now,
					    __u64 duration)
{
	enum drop drop;

	if (!passes_at_end(duration, error))
		return;
	drop = report(nr, ret, error, now, duration);
	if (drop == NOT_DROPPED)
		return;
	if (counting && !count_rare(nr, error, duration))
		drop = MAP_FULL;
	count_drop(drop);
}

/* How many calls the duration of one that returns stands for; 0: it has none. */
static __always_inline __u32 weight_of(const struct call *call)
{
	if (call->start == UNTIMED)
		return 0;
	if (!timing_changes)
		return timing == TIMING_ALL ? 1 : call->weight;
	return timing_now == TIMING_ALL && call->timing != TIMING_ALL ? 0 : call->weight;
}

SYSCALL_EXIT(syscall_exit, struct pt_regs *regs, long ret)
{
	struct call call = pop_call(regs, ret);
	__u32 error = errno_of(ret);
	__u64 others = 0;
	__u32 weight;
	__u64 now;

	if (has_calls() && likely(call.start == UNTIMED && !error) &&
	    likely(count_untimed(call.nr)))
		return;
	weight = weight_of(&call);
	if (likely(call.start > UNWANTED)) {
		now = weight ? bpf_ktime_get_ns() : call.start;
		if (has_calls() && weight)
			others = others_before(call.before);
	} else if (delete_mark(bpf_get_current_task())) {
		count_map_full();
		return;
	} else if (call.start == UNWANTED) {
		return;
	} else {
		call.nr = unknown(bounded_nr(unmarked_syscall_nr(regs), is_compat()));
		if (!is_wanted(call.nr))
			return;
		now = call.start = unknown(bpf_ktime_get_ns());
		weight = current_timing() != TIMING_OFF;
		error = unknown(error);
	}
	if (stream)
		report_or_count(call.nr, ret, error, now, now - call.start);
	else if (!count(call.nr, error, now - call.start, weight, others))
		count_map_full();
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
