// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nothing, where the signal block has programs. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

SEC("tp_btf/block_io_start")
int block_empty_start(void *ctx)
{
	return 0;
}

SEC("tp_btf/block_rq_complete")
int block_empty_complete(void *ctx)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
