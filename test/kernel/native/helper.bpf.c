// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* A program that calls a helper function which no kernel has. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

static long (*const no_such_helper)(void) = (void *)4000;

SEC("tp_btf/sys_enter")
int BPF_PROG(ahead, void *regs, long nr)
{
	return no_such_helper();
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
