/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a connection has carried, read from its socket. */
#pragma once

#include "connection.h"

struct traffic {
	__u64 sent;	   /* payload bytes, each once */
	__u64 received;	   /* payload bytes, in order */
	__u32 retransmits; /* segments, SYN and SYN-ACK included */
};

/* States in which the FIN is sent as soon as all before it has been: tcp_close_state(). */
#define FIN_STATES \
	(1u << TCP_FIN_WAIT1 | 1u << TCP_FIN_WAIT2 | 1u << TCP_CLOSING | 1u << TCP_LAST_ACK)

/* 1 or 0, without a branch: the verifier walks each of them by itself. */
static __always_inline __u32 is_nonzero(__u32 value)
{
	return (value | -value) >> 31;
}

/*
 * The payload up to snd_nxt, less the FIN, which has the last number (tcp_send_fin()) and is sent
 * after the state has changed. Sequence numbers have 32 bits: the others are those of bytes_acked,
 * which is near. bytes_sent would contain what a qdisc refuses, each time (__tcp_transmit_skb()).
 * A snapshot may read this while an attempt ends: before the first number is there, nothing counts.
 */
static __always_inline __u64 sent_bytes(struct sock *sk, struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;
	__u64 acked = READ(tcp, bytes_acked);
	__u32 next = READ(tcp, snd_nxt), first = c->first_seq;
	__u32 has_fin = FIN_STATES >> (READ(sk, __sk_common.skc_state) & 15) & 1;

	has_fin &= ~is_nonzero(next ^ READ(tcp, write_seq));
	acked += (__s32)(next - first - (__u32)acked);
	return (acked - has_fin) & -(__u64)is_nonzero(first);
}

/* The sequence number of the first byte that an accepted socket sends; of an older one, about. */
static __always_inline __u32 first_seq(struct sock *sk)
{
	struct tcp_sock *tcp = (void *)sk;

	return READ(tcp, snd_una) - (__u32)READ(tcp, bytes_acked);
}

/*
 * A connection that is open though its socket has closed: by a softirq that tcp_state() did not
 * see, so it was the peer's FIN or ACK, after the own FIN, unless there is an error.
 */
static __always_inline void skip_unseen_fin(struct sock *sk, struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;
	__u32 has_sent = is_nonzero(READ(tcp, snd_nxt) ^ c->first_seq);

	c->first_seq += has_sent & ~is_nonzero(sk->sk_err);
}

static __always_inline struct traffic traffic_of(struct sock *sk, struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;
	struct traffic traffic = {
		.sent = sent_bytes(sk, c),
		.received = READ(tcp, bytes_received),
		.retransmits = READ(tcp, total_retrans),
	};

	/*
	 * The peer's FIN counts as a byte in rcv_nxt and so in bytes_received:
	 * tcp_rcv_nxt_update(), tcp_fin().
	 */
	if (traffic.received && has_flag(sk, SOCK_DONE))
		traffic.received--;
	return traffic;
}
