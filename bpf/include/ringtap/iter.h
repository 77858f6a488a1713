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

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

KERNEL_TYPES_END
