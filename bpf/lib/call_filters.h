/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which system calls are worth a record. All filters that are set must hold. */
#pragma once

#include "syscall.h"

const volatile __u64 min_duration_ns = 0;
const volatile bool errors_only = false;
const volatile bool filter_names = false;
const volatile __u8 names[NR_COUNT / 8];  /* a bit for each number: see number_index() */
const volatile bool filter_pids = false;  /* only those in `pids` */
const volatile bool filter_comms = false; /* only those in `comms` */
const volatile __u32 own_tgid = 0;	  /* ringtap's own calls would feed themselves */

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tgid */
	__type(value, __u8);
} pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1024);
	__type(key, char[COMM_LEN]); /* the process's, padded with zeros */
	__type(value, __u8);
} comms SEC(".maps");

static __always_inline bool is_wanted_name(__u32 nr)
{
	__u32 index = number_index(nr);

	return names[index / 8] & (1 << index % 8);
}

static __always_inline bool is_wanted_pid(void)
{
	__u32 tgid = current_tgid();

	return tgid != own_tgid && (!filter_pids || bpf_map_lookup_elem(&pids, &tgid));
}

static __always_inline bool is_wanted_comm(void)
{
	struct actor actor;

	current_actor(&actor);
	return bpf_map_lookup_elem(&comms, actor.comm);
}

/*
 * What can be told when a call begins: all but its duration and its result. The cheap ones first.
 */
static __always_inline bool passes_at_start(__u32 nr)
{
	if (filter_names && !is_wanted_name(nr))
		return false;
	return is_wanted_pid() && (!filter_comms || is_wanted_comm());
}

/* What can be told when it has ended. */
static __always_inline bool passes_at_end(__u64 duration, __u32 error)
{
	return duration >= min_duration_ns && (error || !errors_only);
}
