/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two maps of lines, which counts.h describes. */
#pragma once

#include <linux/bpf.h>

#define LINE_MAPS(lines, line_type, taken, key_type, count, flags_of_taken) \
	struct {                                                            \
		__uint(type, BPF_MAP_TYPE_ARRAY);                           \
		__uint(map_flags, BPF_F_MMAPABLE);                          \
		__uint(max_entries, count);                                 \
		__type(key, __u32);                                         \
		__type(value, line_type);                                   \
	} lines SEC(".maps");                                               \
	struct {                                                            \
		__uint(type, BPF_MAP_TYPE_HASH);                            \
		__uint(map_flags, flags_of_taken);                          \
		__uint(max_entries, count);                                 \
		__type(key, __u32);                                         \
		__type(value, key_type);                                    \
	} taken SEC(".maps")

/* `count` lines of a type, the overflow lines among them, and the keys of those in use. */
#define LINES(lines, line_type, taken, key_type, count) \
	LINE_MAPS(lines, line_type, taken, key_type, count, BPF_F_NO_PREALLOC)

/* The same with all entries allocated beforehand, where a program must not allocate. */
#define PREALLOCATED_LINES(lines, line_type, taken, key_type, count) \
	LINE_MAPS(lines, line_type, taken, key_type, count, 0)
