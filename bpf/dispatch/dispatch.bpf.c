// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The dispatch programs: the agent's only programs on sys_enter and sys_exit, which run those
 * handlers that want the call. What they share with handlers: <ringtap/dispatch.h>. A tail call
 * does not return, so that they are not timed (<ringtap/run_time.h>); each handler is.
 */
#define UNTIMED_RUNS
#include <ringtap/core.h>
#include <ringtap/dispatch.h>

SEC("tp_btf/sys_enter")
int dispatch_sys_enter(unsigned long long *ctx)
{
	__u32 slots = slots_at_enter((__u32)ctx[1]);

	DISPATCH(ctx, &dispatch_enter, slots);
	return 0;
}

SEC("tp_btf/sys_exit")
int dispatch_sys_exit(unsigned long long *ctx)
{
	__u32 slots = slots_at_exit((struct pt_regs *)(void *)ctx[0]);

	DISPATCH(ctx, &dispatch_exit, slots);
	return 0;
}

LICENSE;
