/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the programs of an object cost: userspace opens a *window* for some milliseconds now and
 * then (src/engine/overhead/), and a run that begins in one is timed. The kernel's own statistics
 * (BPF_ENABLE_STATS) would need CAP_SYS_ADMIN each time, time all programs of the machine, and
 * know nothing of tail calls.
 *
 * Programs made by BPF_PROG(), SYSCALL_ENTER(), SYSCALL_EXIT() and CALL_RETURN() are timed, without
 * a line of their own. With the window closed that costs the reading of two words of one cache
 * line.
 */
#pragma once

struct run_window {
	__u64 is_open;
	__u64 never; /* 0, which the verifier does not know */
};

/* Not in .bss, where programs write: this line is only read. */
volatile struct run_window run_window SEC(".data.run_window");

struct run_time {
	__u64 runs;
	__s64 time; /* ns, less what a reading of the clock takes */
};

/* The agent reads it by this name, and adds the CPUs up. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct run_time);
} run_time SEC(".maps");

/*
 * When a run began, CLOCK_MONOTONIC, ns; 0 when the window is closed. Never a 0 that the verifier
 * knows: it would walk the program twice, once for each.
 *
 * One reading of the clock is part of each span between two, and takes longer than some programs
 * run: it is measured as well, and the run's beginning moved by as much.
 */
static __always_inline __u64 run_begins(void)
{
	__u64 start = run_window.never;

	if (run_window.is_open) {
		start = bpf_ktime_get_ns();
		start = 2 * bpf_ktime_get_ns() - start;
	}
	return start;
}

static __always_inline void run_ends(__u64 start)
{
	struct run_time *run;
	__u32 zero = 0;

	if (!start)
		return;
	run = bpf_map_lookup_elem(&run_time, &zero);
	if (!run)
		return;
	/* A softirq can interrupt a program on its own CPU. */
	__sync_fetch_and_add(&run->runs, 1);
	__sync_fetch_and_add(&run->time, bpf_ktime_get_ns() - start);
}

/* libbpf's, with the clock around the body. */
/* clang-format off */
#undef BPF_PROG
#define BPF_PROG(name, args...)                                                             \
	name(unsigned long long *ctx);                                                      \
	static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx, ##args); \
	typeof(name(0)) name(unsigned long long *ctx)                                       \
	{                                                                                   \
		__u64 start = run_begins();                                                 \
		typeof(name(0)) returned;                                                   \
                                                                                            \
		_Pragma("GCC diagnostic push")                                              \
		_Pragma("GCC diagnostic ignored \"-Wint-conversion\"")                      \
		returned = ____##name(___bpf_ctx_cast(args));                               \
		_Pragma("GCC diagnostic pop")                                               \
		run_ends(start);                                                            \
		return returned;                                                            \
	}                                                                                   \
	static __always_inline typeof(name(0)) ____##name(unsigned long long *ctx, ##args)
/* clang-format on */
