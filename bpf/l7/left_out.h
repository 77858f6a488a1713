/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What requests are looked for in: protocols, ports, processes. What is left out costs little. */
#pragma once

#include <ringtap/endpoints.h>

#include "connection.h"
#include "protocols/dns.h"

/* Bits of enum l7_protocol: those that are looked for. */
const volatile __u32 wanted_protocols = ~0u;

/* Are requests looked for at some ports alone? At those in this bitmap, of the server. */
const volatile bool ports_chosen;
const volatile __u64 chosen_ports[65536 / 64];

/*
 * Are requests looked for in some processes alone? In those of these ids, and of these names: both
 * must hold where both are set. Userspace changes them while programs run: keys are added before
 * the flag is set, and deleted after it.
 */
volatile bool pids_chosen, comms_chosen;

/* Keys that userspace puts into a set at most; twice as many while it is changed. */
#define CHOSEN_MAX 1024

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * CHOSEN_MAX);
	__type(key, __u32); /* tgid */
	__type(value, __u8);
} chosen_pids SEC(".maps");

struct comm_key {
	__u64 comm[COMM_LEN / 8]; /* the process's, padded with zeros */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * CHOSEN_MAX);
	__type(key, struct comm_key);
	__type(value, __u8);
} chosen_comms SEC(".maps");

/*
 * Are requests looked for in some containers, pods or namespaces alone? Which control groups are
 * of these, userspace judges (src/signals/l7/chosen-groups.ts): those that are not judged yet are
 * left out, and reported once.
 */
const volatile bool groups_chosen;

enum judgement {
	LEFT_OUT,
	CHOSEN,
	REPORTED,
};

/* As many control groups as identity.limit has by default. */
#define GROUPS_MAX 32768

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GROUPS_MAX);
	__type(key, __u64); /* a control group's id */
	__type(value, __u64);
} judged_groups SEC(".maps");

struct l7_group_notice {
	__u64 cgroup;
};

EXPORT_RECORD(l7_group_notice);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} group_notices SEC(".maps");

/* Why bytes are left out. */
enum left_out_for {
	LEFT_OUT_FOR_PORT,
	LEFT_OUT_FOR_PROCESS,
	LEFT_OUT_REASONS,
};

/* Bytes that are left out, by reason and direction; whose they are is not counted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * LEFT_OUT_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} left_out SEC(".maps");

static __always_inline bool is_wanted(enum l7_protocol protocol)
{
	return wanted_protocols >> protocol & 1;
}

static __always_inline bool is_chosen(__u16 port)
{
	return chosen_ports[(port >> 6) & (65536 / 64 - 1)] >> (port & 63) & 1;
}

/* Are questions of DNS looked for in datagrams? */
static __always_inline bool are_questions_wanted(void)
{
	return is_wanted(PROTOCOL_DNS) && (!ports_chosen || is_chosen(DNS_PORT));
}

/* Is none of the two ends a server's whose requests are looked for? A Unix socket has no port. */
static __always_inline bool is_left_out(struct sock *sk)
{
	return ports_chosen && (sk->__sk_common.skc_family == AF_UNIX ||
				(!is_chosen(local_port(sk)) && !is_chosen(remote_port(sk))));
}

/* Is the server of a connection, of which the role is known, at a port that is left out? */
static __always_inline bool is_server_left_out(const struct connection *c)
{
	struct sock *sk = (void *)c->sock;

	return ports_chosen &&
	       !is_chosen(c->role == ROLE_SERVER ? local_port(sk) : remote_port(sk));
}

static __always_inline bool are_processes_chosen(void)
{
	return pids_chosen || comms_chosen || groups_chosen;
}

/* Is the current task in a control group whose requests are not looked for? */
static __noinline bool is_group_left_out(void)
{
	struct l7_group_notice notice = { .cgroup = current_cgroup() };
	__u64 *judgement = bpf_map_lookup_elem(&judged_groups, &notice.cgroup);
	__u64 reported = REPORTED;

	if (judgement)
		return *judgement != CHOSEN;
	if (!bpf_map_update_elem(&judged_groups, &notice.cgroup, &reported, BPF_NOEXIST) &&
	    bpf_ringbuf_output(&group_notices, &notice, sizeof(notice), 0))
		bpf_map_delete_elem(&judged_groups, &notice.cgroup);
	return true;
}

/* Is the current task's process one whose requests are not looked for? Apart, for its keys. */
static __noinline bool is_process_left_out(void)
{
	__u32 tgid = current_tgid();
	struct comm_key key;

	if (pids_chosen && !bpf_map_lookup_elem(&chosen_pids, &tgid))
		return true;
	if (groups_chosen && is_group_left_out())
		return true;
	if (!comms_chosen)
		return false;
	current_process_comm(key.comm);
	return !bpf_map_lookup_elem(&chosen_comms, &key);
}

static __always_inline void count_left_out(enum left_out_for reason, __u32 direction, __u32 bytes)
{
	__u32 index = reason << 1 | direction;
	__u64 *count = bpf_map_lookup_elem(&left_out, &index);

	/* A call in an interrupt may be counted within another one. */
	if (count)
		__sync_fetch_and_add(count, bytes);
}
