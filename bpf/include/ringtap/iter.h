/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Iterator programs: their contexts, as the kernel lays them out (DEFINE_BPF_ITER_FUNC). */
#pragma once

#include <ringtap/core.h>

KERNEL_TYPES_BEGIN

struct bpf_iter_meta {
	struct seq_file *seq;
};

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
};

struct bpf_iter__task_file {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
	__u32 fd;
	struct file *file;
};

struct bpf_iter__tcp {
	struct bpf_iter_meta *meta;
	struct sock_common *sk_common;
};

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

KERNEL_TYPES_END

/* Objects that an iterator program visits in one read(2): some hundred microseconds. */
#define ITER_PIECE 512

/* Objects visited in this piece. One walk at a time; a second one would make pieces shorter. */
static __u32 iter_visited;

/*
 * For programs that write nothing for most objects, so that a read(2) would go on through all of
 * them. Call it first for each object, and return 1 when it says so: that ends the read(2), with
 * EAGAIN if nothing was written, and the next one begins with the same object
 * (bpf_iter_run_prog() and bpf_seq_read(), kernel/bpf/bpf_iter.c).
 */
static __always_inline bool piece_ends(void)
{
	if (iter_visited++ < ITER_PIECE)
		return false;
	iter_visited = 0;
	return true;
}
