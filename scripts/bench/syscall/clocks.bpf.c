// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The least that knowing how long a system call takes can cost: the clock is read on either hook.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("tp_btf/sys_enter")
int clocks_enter(void *ctx)
{
	bpf_ktime_get_ns();
	return 0;
}

SEC("tp_btf/sys_exit")
int clocks_exit(void *ctx)
{
	bpf_ktime_get_ns();
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
