// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Nothing, where signals of the node have programs: what any tracer costs there. */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define EMPTY(name, hook)                       \
	SEC("tp_btf/" hook) int name(void *ctx) \
	{                                       \
		return 0;                       \
	}

EMPTY(sched_empty, "sched_switch")
EMPTY(drop_empty, "kfree_skb")
EMPTY(udp_empty_send, "sock_send_length")
EMPTY(udp_empty_receive, "sock_recv_length")
EMPTY(block_empty_start, "block_io_start")
EMPTY(block_empty_complete, "block_rq_complete")
EMPTY(kill_empty, "signal_generate")
EMPTY(memory_empty_added, "mm_filemap_add_to_page_cache")
EMPTY(memory_empty_removed, "mm_filemap_delete_from_page_cache")

char LICENSE[] SEC("license") = "Dual BSD/GPL";
