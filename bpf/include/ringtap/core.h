/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What every program includes: the uapi types, libbpf's helpers, and names for CO-RE.
 *
 * Kernel structs are declared by hand in this folder, only the members that are read: libbpf
 * relocates each access to the running kernel's layout. A flavor (name___why) names the kernel
 * commit that forced it.
 */
#pragma once

#include <linux/bpf.h>
#include <stdbool.h>

#include <bpf/bpf_helpers.h>

#include <bpf/bpf_core_read.h>
#include <bpf/bpf_tracing.h>

#include <ringtap/read.h>

#ifndef UNTIMED_RUNS
#include <ringtap/run_time.h>
#endif

/* Put before and after hand-written kernel types. */
#define KERNEL_TYPES_BEGIN \
	_Pragma("clang attribute push(__attribute__((preserve_access_index)), apply_to = record)")
#define KERNEL_TYPES_END _Pragma("clang attribute pop")

/*
 * Makes a record's layout part of the object's BTF, under a name that
 * scripts/generate/records looks for.
 * (A struct that is used only through a local pointer leaves no trace there.)
 */
#define EXPORT_RECORD(type) struct type *export_##type

/* Reads memory that another CPU or program may change, where the program says and not elsewhere. */
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))

/* The compiler puts what is done otherwise apart, so that the usual way takes fewer cache lines. */
#define likely(condition) __builtin_expect(!!(condition), 1)

/* The count of a key in a hash map of __u64, 0 for a new one; NULL when the map is full. */
static __always_inline __u64 *find_or_add(void *map, const void *key)
{
	__u64 zero = 0, *value = bpf_map_lookup_elem(map, key);

	if (value)
		return value;
	/* Should another CPU add it first, that one stays. */
	bpf_map_update_elem(map, key, &zero, BPF_NOEXIST);
	return bpf_map_lookup_elem(map, key);
}

/* The licence that the helpers ask for; see bpf/LICENSE. */
#define LICENSE char LICENSE_NAME[] SEC("license") = "Dual BSD/GPL"
