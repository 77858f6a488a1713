/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Handlers of system calls: programs that run when a system call begins or returns.
 *
 *	SYSCALL_EXIT(hello_close, struct pt_regs *regs, long ret)
 *	{
 *		...
 *	}
 *
 * A second program on a tracepoint costs every system call more than the first. So all handlers of
 * an agent share one *dispatch program* for each hook (bpf/dispatch/): it reads which handlers want
 * the call's number, a bit for each *slot*, and runs them by tail calls, each of which ends in the
 * tail call of the next. An unrelated call costs the test of a word.
 *
 * The loader (src/engine/dispatch/) finds a handler by its constant `<name>_slot`, gives it a slot
 * and shares the three maps below with it, all of them with the dispatch program. Where that is not
 * possible, it attaches the handler to its hook alone, with a table of its own. Either way it runs
 * for those calls only that the signal's member `syscalls` names.
 *
 * At the return, the call's number is that in the registers: execve(2) returns with that of execve
 * in the new program's table, and rt_sigreturn(2) has wiped it. Only a signal that wants every call
 * sees the latter return.
 */
#pragma once

#include <ringtap/syscall.h>

/* Slots of a hook: a bit each in a byte. */
#define DISPATCH_SLOTS 8

/* In place of a slot: the handler is attached to its hook alone. */
#define DISPATCH_ALONE DISPATCH_SLOTS

/*
 * Which slots want a call, by number_index() of its number, in the low byte. In the high one, of
 * native numbers: which want the call of this number in one of the three tables and not in another.
 * Where none does, nobody needs to ask in which table the caller is, which costs the call of a
 * helper.
 */
struct dispatch_table {
	__u16 enter[NR_COUNT];
	__u16 exit[NR_COUNT];
};

/* Not in .bss, which would not be a map of its own. */
volatile struct dispatch_table dispatch_table SEC(".data.dispatch");

/*
 * The handlers by slot. One map for each hook: before Linux 6.12 the kernel lets a program of one
 * hook be called from the other, where it would read the wrong arguments.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, DISPATCH_SLOTS);
	__type(key, __u32);
	__type(value, __u32);
} dispatch_enter SEC(".maps"), dispatch_exit SEC(".maps");

/* The kernel's statistics count a tail call as part of the program that it came from. */
struct dispatch_run {
	__u64 count;
	__u64 time; /* ns */
};

/* By slot, those of the exit hook behind the others. Only counted where `count_runs` holds. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * DISPATCH_SLOTS);
	__type(key, __u32);
	__type(value, struct dispatch_run);
} dispatch_runs SEC(".maps");

const volatile bool count_runs = false;

static __always_inline void count_run(__u32 index, __u64 time)
{
	struct dispatch_run *run = bpf_map_lookup_elem(&dispatch_runs, &index);

	if (!run)
		return;
	__sync_fetch_and_add(&run->count, 1);
	__sync_fetch_and_add(&run->time, time);
}

/*
 * Tail calls the first handler of `slots`. It returns only when there is none: a slot that has been
 * emptied since the table was read is passed over, so that those behind it still run.
 */
#define DISPATCH_TO(ctx, map, slots, slot)                    \
	do {                                                  \
		if ((slots) & (1u << (slot)))                 \
			bpf_tail_call_static(ctx, map, slot); \
	} while (0)

/* Most calls have no slot but the last, of handlers of every call: two tests find that. */
#define DISPATCH(ctx, map, slots)                        \
	do {                                             \
		if ((slots)&0x7f) {                      \
			DISPATCH_TO(ctx, map, slots, 0); \
			DISPATCH_TO(ctx, map, slots, 1); \
			DISPATCH_TO(ctx, map, slots, 2); \
			DISPATCH_TO(ctx, map, slots, 3); \
			DISPATCH_TO(ctx, map, slots, 4); \
			DISPATCH_TO(ctx, map, slots, 5); \
			DISPATCH_TO(ctx, map, slots, 6); \
		}                                        \
		DISPATCH_TO(ctx, map, slots, 7);         \
	} while (0)

/* `nr` has 32 bits. It is wider, and opaque: what is compared must be what is indexed with. */
static __always_inline __u8 slots_of(volatile const __u16 *table, __u64 nr)
{
	__u16 slots;

	asm("" : "+r"(nr));
	if (nr < NR_UNKNOWN) {
		slots = table[nr];
		if (!(slots >> DISPATCH_SLOTS))
			return slots;
	}
	return table[number_index(bounded_nr(nr, is_compat()))];
}

/* Which slots want the call that begins, or returns. */
static __always_inline __u8 slots_at_enter(__u32 nr)
{
	return slots_of(dispatch_table.enter, nr);
}

static __always_inline __u8 slots_at_exit(struct pt_regs *regs)
{
	return slots_of(dispatch_table.exit, unmarked_syscall_nr(regs));
}

/* The slots behind one: a handler runs at most once for a call, whatever changes meanwhile. */
static __always_inline __u32 slots_behind(__u32 slots, __u32 slot)
{
	return slot < DISPATCH_SLOTS ? slots & (0xfe << slot) : 0;
}

#define SYSCALL_HANDLER(name, hook, section, first_run, wanted, ...)                    \
	const volatile __u32 name##_slot = DISPATCH_ALONE;                              \
	static __always_inline void name##_handler(__VA_ARGS__);                        \
	SEC(section) int name(unsigned long long *ctx)                                  \
	{                                                                               \
		__u64 began, start;                                                     \
		__u32 slots;                                                            \
                                                                                        \
		if (name##_slot >= DISPATCH_ALONE && !(wanted))                         \
			return 0;                                                       \
		began = run_begins();                                                   \
		start = count_runs ? bpf_ktime_get_ns() : 0;                            \
		name##_handler((void *)ctx[0], (long)ctx[1]);                           \
		if (count_runs && name##_slot < DISPATCH_SLOTS)                         \
			count_run(first_run + name##_slot, bpf_ktime_get_ns() - start); \
		run_ends(began);                                                        \
		if (name##_slot >= DISPATCH_SLOTS - 1) /* none is behind it */          \
			return 0;                                                       \
		slots = slots_behind(wanted, name##_slot);                              \
		DISPATCH(ctx, &hook, slots);                                            \
		return 0;                                                               \
	}                                                                               \
	static __always_inline void name##_handler(__VA_ARGS__)

/* A handler: SYSCALL_ENTER(name, struct pt_regs *regs, long id) { … } */
#define SYSCALL_ENTER(name, ...)                                     \
	SYSCALL_HANDLER(name, dispatch_enter, "tp_btf/sys_enter", 0, \
			slots_at_enter((__u32)ctx[1]), __VA_ARGS__)

/* A handler: SYSCALL_EXIT(name, struct pt_regs *regs, long ret) { … } */
#define SYSCALL_EXIT(name, ...)                                                 \
	SYSCALL_HANDLER(name, dispatch_exit, "tp_btf/sys_exit", DISPATCH_SLOTS, \
			slots_at_exit((struct pt_regs *)(void *)ctx[0]), __VA_ARGS__)

/*
 * The registers of the call whose function returns. It gets them as its argument, which the
 * verifier does not let a program read where the kernel's type information lacks their struct in
 * that place; since 5.15 a helper has them.
 */
static __always_inline struct pt_regs *regs_at_return(unsigned long long *ctx)
{
	if (bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	return (void *)READ_ONCE(ctx[0]);
}

/*
 * A program at the return of one call's function (NATIVE_FUNCTION() and its kin), for a hook set
 * beside that of handlers: `handle(regs, ret)`. It costs other calls nothing, but kernels may
 * refuse it, and what seccomp or a tracer answers in the kernel's place does not come there.
 */
#define CALL_RETURN(name, function, handle)                      \
	SEC("fexit/" function) int name(unsigned long long *ctx) \
	{                                                        \
		__u64 began = run_begins();                      \
                                                                 \
		handle(regs_at_return(ctx), (long)ctx[1]);       \
		run_ends(began);                                 \
		return 0;                                        \
	}
