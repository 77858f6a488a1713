// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Opens without BTF: no map in .maps. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

const volatile __u32 limit = 0;

SEC("raw_tp/sys_enter")
int on_enter(void *ctx)
{
	return limit;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
