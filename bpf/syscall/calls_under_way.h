/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which call a task returns from, and since when.
 *
 * A call is known by its sys_enter: the number is kept from there, since rt_sigreturn(2) wipes its
 * own from the registers, with the start time. A return without one is one of these:
 *
 *   the call was answered before sys_enter, by seccomp, its supervisor or a tracer
 *   (syscall_trace_enter(), kernel/entry/): it is counted, with duration 0, since its beginning is
 *   not known. Where a tracer has wiped the number, so is that. On kernels newer than 6.18 the run
 *   of syscall_enter may have been skipped;
 *
 *   a new task returns from its parent's fork, or what the kernel started from its execve: no call;
 *
 *   a call was under way when the agent attached: not counted, since no one knows when it began.
 *   It is the first return of a task that has been there before.
 */
#pragma once

#include <ringtap/account.h>
#include <ringtap/syscall.h>

/* Threads that are known: all that began since the agent did, or have waited in a call since. */
#define THREADS_MAX 65536

/* Marks of calls beyond that, a power of two. */
#define UNSAVED_MAX 16384

/* The calls that begin a program (x86) or a task (arm64), in each table. */
#if defined(__TARGET_ARCH_x86)
enum begin_nr {
	NR_EXECVE = 59,
	NR_EXECVEAT = 322,
	X32_EXECVE = X32_SYSCALL_BIT | 520,
	X32_EXECVEAT = X32_SYSCALL_BIT | 545,
	COMPAT_EXECVE = COMPAT_BIT | 11,
	COMPAT_EXECVEAT = COMPAT_BIT | 358,
};
#else
enum begin_nr {
	NR_CLONE = 220,
	NR_CLONE3 = 435,
	COMPAT_FORK = COMPAT_BIT | 2,
	COMPAT_CLONE = COMPAT_BIT | 120,
	COMPAT_VFORK = COMPAT_BIT | 190,
	COMPAT_CLONE3 = COMPAT_BIT | 435,
};
#endif

/*
 * In place of a start: a call that no filter lets pass; a task that has not returned yet; a call
 * that is not timed.
 */
#define UNWANTED 1
#define BORN 2
#define UNTIMED 3

/* A call from sys_enter to sys_exit; start 0: there is none. */
struct call {
	__u64 start; /* CLOCK_MONOTONIC, ns; UNWANTED, BORN or UNTIMED */
	union {
		struct {
			__u32 nr;
			__u8 weight;  /* calls that its duration stands for: call_timing.h */
			__u8 timing;  /* that it began with, where timing_changes */
			__u16 before; /* time before it left its CPU: call_timing.h */
		};
		__u64 word; /* all four */
	};
};

/* Of a cache line of its own. */
struct cpu {
	struct call call;   /* under way, of the task that runs here */
	__s32 until_sample; /* this and the next: is_sample() */
	__u32 random;
} __attribute__((aligned(64)));

/*
 * The call under way of the task that runs on a CPU: the cheapest place to find it again. When the
 * task leaves the CPU, the call moves to `waiting`. A global variable costs less than an element of
 * a per-CPU array, but has a size that is known beforehand: CPUs beyond it have theirs there.
 */
#define CPUS 256
static struct cpu cpus[CPUS];

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cpu);
} further_cpus SEC(".maps");

/*
 * The calls of other tasks, by the address of the task, which a thread keeps when it takes over its
 * leader's tid in execve(2) (de_thread(), fs/exec.c). A task that has an entry is known: what it
 * returns from has begun since the agent attached. Preallocated: the scheduler's lock is held where
 * entries are made, and no allocator may be called there.
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

static __always_inline struct cpu *this_cpu(void)
{
	__u64 number = bpf_get_smp_processor_id();
	__u32 zero = 0;

	/* What is compared must be what is indexed with. */
	asm("" : "+r"(number));
	if (number < CPUS)
		return &cpus[number];
	return bpf_map_lookup_elem(&further_cpus, &zero);
}

static __always_inline struct call *running_call(void)
{
	struct cpu *cpu = this_cpu();

	return cpu ? &cpu->call : NULL;
}

/* The call that a task has been off its CPU with; NULL when it never was. */
static __always_inline struct call *waiting_call(__u64 task)
{
	return bpf_map_lookup_elem(&waiting, &task);
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

/* `task` leaves the CPU, but is its current one until it has. */
static __always_inline void save_call(struct call *call, struct task_struct *task)
{
	__u64 key = bpf_get_current_task();
	struct call *kept = waiting_call(key);

	if (kept)
		*kept = *call;
	else if (call->start != UNWANTED && !(task->flags & PF_EXITING) &&
		 bpf_map_update_elem(&waiting, &key, call, BPF_NOEXIST))
		mark_unsaved(key);
}

/*
 * Can a call of this number return with that one in its registers? The execve(2) family leaves the
 * number of execve in the new program's table (set_personality_64bit() and
 * set_personality_ia32(), arch/x86/kernel/process_64.c). Both are bounded.
 */
static __always_inline bool is_exec_return(__u32 nr, __u32 returned)
{
#if defined(__TARGET_ARCH_x86)
	return (returned == NR_EXECVE || returned == COMPAT_EXECVE || returned == X32_EXECVE) &&
	       (nr == NR_EXECVE || nr == NR_EXECVEAT || nr == COMPAT_EXECVE ||
		nr == COMPAT_EXECVEAT || nr == X32_EXECVE || nr == X32_EXECVEAT);
#else
	return false;
#endif
}

/*
 * Is this how a new task returns from the call by which its parent made it? On x86 its first
 * sys_exit always is (ret_from_fork(), arch/x86/kernel/process.c), also of what the kernel itself
 * starts. On arm64 there may be none.
 */
static __always_inline bool is_birth_return(struct pt_regs *regs, long ret)
{
#if defined(__TARGET_ARCH_x86)
	return ret == 0;
#else
	__u32 nr = syscall_nr(regs);

	return ret == 0 && (nr == NR_CLONE || nr == NR_CLONE3 || nr == COMPAT_FORK ||
			    nr == COMPAT_CLONE || nr == COMPAT_VFORK || nr == COMPAT_CLONE3);
#endif
}

/* Is it the call that returns now? rt_sigreturn(2) cannot be recognised: it wipes its number. */
static __always_inline bool is_returning(struct call *call, struct pt_regs *regs)
{
	__u32 nr = unmarked_syscall_nr(regs);

	if (nr == NR_WIPED)
		return true;
	nr = bounded_nr(nr, is_compat());
	return ((nr ^ call->nr) & 1023) == 0 || is_exec_return(call->nr, nr);
}

/* Makes a task known. False when `waiting` is full. */
static __always_inline bool insert_task(__u64 task)
{
	struct call none = {};

	return !bpf_map_update_elem(&waiting, &task, &none, BPF_NOEXIST);
}

/*
 * The call that the current task returns from, which is over with that; start 0 where it was
 * answered before sys_enter, UNWANTED where there is nothing to count.
 *
 * Kernels newer than 6.18 let this program be preempted. The call may be saved meanwhile, and
 * the next task's take its place: so the start is read last, and then the number was this call's.
 * Where that happens right before the place is cleared, the call stays in `waiting` though it is
 * over. So may a call whose end these kernels leave out, for which see docs/kernels.md. A later
 * call must not be mistaken for it.
 */
static __always_inline struct call pop_call(struct pt_regs *regs, long ret)
{
	struct call popped = {}, *call = running_call();
	__u64 task;

	if (call) {
		popped.word = READ_ONCE(call->word);
		popped.start = READ_ONCE(call->start);
	}
	if (likely(popped.start)) {
		call->start = 0;
		return popped;
	}
	task = bpf_get_current_task();
	call = waiting_call(task);
	if (!call) {
		/* Beyond the capacity of `waiting`, what has failed is taken for an answer. */
		popped.start = insert_task(task) || !errno_of(ret) ? UNWANTED : 0;
	} else if (call->start == BORN) {
		popped.start = is_birth_return(regs, ret) ? UNWANTED : 0;
		call->start = 0;
	} else if (call->start) {
		if (is_returning(call, regs))
			popped = *call;
		call->start = 0;
	}
	return popped;
}
