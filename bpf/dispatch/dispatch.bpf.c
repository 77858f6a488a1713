// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The dispatch programs: the agent's only programs on sys_enter and sys_exit, which run those
 * handlers that want the call. What they share with handlers: <ringtap/dispatch.h>.
 */
#include <ringtap/core.h>
#include <ringtap/dispatch.h>

SEC("tp_btf/sys_enter")
int BPF_PROG(dispatch_sys_enter, struct pt_regs *regs, long id)
{
	__u32 slots = slots_at_enter(id);

	DISPATCH(ctx, &dispatch_enter, slots);
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(dispatch_sys_exit, struct pt_regs *regs, long ret)
{
	__u32 slots = slots_at_exit(regs);

	DISPATCH(ctx, &dispatch_exit, slots);
	return 0;
}

LICENSE;
