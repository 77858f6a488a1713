/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which system calls are worth a record. All filters that are set must hold.
 *
 * Userspace changes them while programs run, one after the other and each in one piece; keys are
 * added to a set before its flag and deleted after it. So at any moment each filter is the old one
 * or the new one, and a call that both let pass is never missed.
 */
#pragma once

#include <ringtap/syscall.h>

/* Keys that userspace puts into a set at most; twice as many while it is changed. */
#define FILTERED_MAX 1024

volatile __u64 min_duration_ns;
volatile bool errors_only;
volatile bool filter_names;	      /* false: `left_out` is empty, and need not be read */
volatile __u8 left_out[NR_COUNT / 8]; /* a bit for each number: see number_index() */
volatile bool filter_pids;	      /* only those in `pids` */
volatile bool filter_comms;	      /* only those in `comms` */

/*
 * The agent, whose own calls would feed themselves. Set by syscall_agent(); until then no call is
 * reported.
 */
static __u32 agent_tgid;

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * FILTERED_MAX);
	__type(key, __u32); /* tgid */
	__type(value, __u8);
} pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 2 * FILTERED_MAX);
	__type(key, char[COMM_LEN]); /* the process's, padded with zeros */
	__type(value, __u8);
} comms SEC(".maps");

static __always_inline bool is_left_out(__u32 nr)
{
	__u32 index = number_index(nr);

	return left_out[index / 8] & (1 << index % 8);
}

static __always_inline bool is_wanted_pid(void)
{
	__u32 tgid = current_tgid();

	return agent_tgid && tgid != agent_tgid &&
	       (!filter_pids || bpf_map_lookup_elem(&pids, &tgid));
}

static __always_inline bool is_wanted_comm(void)
{
	struct actor actor;

	current_actor(&actor);
	return bpf_map_lookup_elem(&comms, actor.comm);
}

/*
 * The filters that apply when a call begins: all but duration and result. The cheap ones first.
 */
static __always_inline bool passes_at_start(__u32 nr)
{
	if (filter_names && is_left_out(nr))
		return false;
	return is_wanted_pid() && (!filter_comms || is_wanted_comm());
}

/* The filters that apply when it has ended. */
static __always_inline bool passes_at_end(__u64 duration, __u32 error)
{
	return duration >= min_duration_ns && (error || !errors_only);
}
