/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What a socket that is not connected has received, where userspace tells peers apart: the address
 * that it comes from is copied to the caller's memory after sock_recv_length
 * (move_addr_to_user(), net/socket.c), so that it is counted when the call returns. Only where the
 * call asks for the address.
 */
#pragma once

#include <ringtap/dispatch.h>

#include "datagram_counts.h"

struct arrival {
	__u64 bytes;
	__u32 datagrams;
	__u16 local; /* port */
	__u16 family;
};

/* Threads that are within such a call at once. What exceeds them has an unspecified peer. */
#define ARRIVALS_MAX 1024

/* By thread. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, ARRIVALS_MAX);
	__type(key, __u32);
	__type(value, struct arrival);
} arrivals SEC(".maps");

/* recvmmsg(2) can receive more; the addresses of those are not read. */
#define NAMES_MAX 64

/* Where the current call, or that which returns, puts the address of datagram `n`; 0: nowhere. */
static __always_inline __u64 origin_in_call(struct pt_regs *regs, bool compat, __u32 n)
{
	switch (socket_call_nr(regs, compat)) {
	case NR_RECVFROM:
	case COMPAT_RECVFROM:
		return socket_call_arg(regs, 4, compat);
	case NR_RECVMSG:
	case COMPAT_RECVMSG:
		return name_in(socket_call_arg(regs, 1, compat), compat);
	case NR_RECVMMSG:
	case COMPAT_RECVMMSG:
	case COMPAT_RECVMMSG_TIME64:
		return name_in(socket_call_arg(regs, 1, compat) + n * MMSGHDR(compat), compat);
	default:
		return 0;
	}
}

/* Keeps a datagram until its call returns; false where it is to be counted at once. */
static __always_inline bool keep_arrival(struct sock *sk, __u32 bytes)
{
	struct arrival *arrival, first = { .bytes = bytes, .datagrams = 1 };
	struct pt_regs *regs;
	__u32 tid;

	if (sk->__sk_common.skc_dport)
		return false;
	regs = registers_of_call(sk);
	if (!regs || !origin_in_call(regs, is_compat(), 0))
		return false;
	tid = current_tid();
	arrival = bpf_map_lookup_elem(&arrivals, &tid);
	if (arrival) {
		arrival->datagrams++;
		arrival->bytes += bytes;
		return true;
	}
	first.local = sk->__sk_common.skc_num;
	first.family = family_bit(sk);
	return !bpf_map_update_elem(&arrivals, &tid, &first, BPF_NOEXIST);
}

/* Arrivals of a call that returns. */
struct arrivals_left {
	struct arrival arrival; /* what is left of them */
	bool compat;
};

/* Counts some of them, which have come from the address at `name` in the caller's memory. */
static __always_inline void count_arrivals(struct arrivals_left *left, __u64 name, __u32 datagrams,
					   __u64 bytes)
{
	struct udp_key key = {};
	struct udp_line *line;

	current_actor_key(&key.actor, UDP_CARRIED << KIND_SHIFT | left->arrival.family);
	if (!peer_of_sockaddr(&key.peer, left->arrival.local, name) &&
	    left->arrival.family == FAMILY_IPV4)
		set_ipv4(&key.peer, 0);
	line = udp_line_of(&key);
	left->arrival.datagrams -= datagrams;
	left->arrival.bytes -= bytes;
	if (!line) {
		count_map_full();
		return;
	}
	__sync_fetch_and_add(&line->received, datagrams);
	__sync_fetch_and_add(&line->received_bytes, bytes);
}

static long count_arrival(__u32 n, struct arrivals_left *left)
{
	struct pt_regs *regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	__u64 header, bytes = left->arrival.bytes;
	__u32 length = 0;

	if (!left->arrival.datagrams)
		return 1;
	if (left->arrival.datagrams > 1) {
		/* A struct mmsghdr has the length behind the header. */
		header = socket_call_arg(regs, 1, left->compat) + n * MMSGHDR(left->compat);
		bpf_probe_read_user(&length, sizeof(length),
				    (void *)(header + (left->compat ? 28 : 56)));
		if (length < bytes)
			bytes = length;
	}
	count_arrivals(left, origin_in_call(regs, left->compat, n), 1, bytes);
	return 0;
}

/* Counts what the call that returns has received. */
static __always_inline void count_kept_arrivals(void)
{
	struct arrivals_left left = { .compat = is_compat() };
	struct arrival *arrival;
	__u32 tid = current_tid();

	arrival = bpf_map_lookup_elem(&arrivals, &tid);
	if (!arrival)
		return;
	left.arrival = *arrival;
	bpf_map_delete_elem(&arrivals, &tid);
	bpf_loop(NAMES_MAX, count_arrival, &left, 0);
	if (left.arrival.datagrams)
		count_arrivals(&left, 0, left.arrival.datagrams, left.arrival.bytes);
}
