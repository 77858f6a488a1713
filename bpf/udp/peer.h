/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The other end of a datagram, where userspace tells peers apart: the address that the call gives
 * or gets, else that which the socket is connected to, or the unspecified one.
 */
#pragma once

#include <bpf/bpf_endian.h>

#include <ringtap/batch.h>
#include <ringtap/endpoints.h>
#include <ringtap/socket_call.h>

/* In place of an address: the peers that have no line of their own. No address begins like it. */
#define OTHER_PEER (~0ull)

struct peer {
	__u64 address[2]; /* of IPv6, network order; of IPv4 as ::ffff:0:0/96 has it */
	__u64 port;	  /* 0: any, since it is a client's */
};

/* From here on ports are given to clients (net.ipv4.ip_local_port_range, by default). */
#define FIRST_CLIENT_PORT 32768

/* A server's clients have a new port each time, which tells nothing. */
static __always_inline void set_port(struct peer *peer, __u32 local, __u32 remote)
{
	bool is_client = remote >= FIRST_CLIENT_PORT && local < FIRST_CLIENT_PORT;

	peer->port = is_client ? 0 : remote;
}

static __always_inline void set_ipv4(struct peer *peer, __u32 address)
{
	__u32 *words = (void *)peer->address;

	words[0] = 0;
	words[1] = 0;
	words[2] = bpf_htonl(0xffff);
	words[3] = address;
}

/* The end that a socket is connected to; the unspecified address where it is not. */
static __always_inline void peer_of_sock(struct peer *peer, struct sock *sk)
{
	if (sk->__sk_common.skc_family == AF_INET6) {
		const __u32 *words = sk->__sk_common.skc_v6_daddr.in6_u.u6_addr32;

		peer->address[0] = (__u64)words[1] << 32 | words[0];
		peer->address[1] = (__u64)words[3] << 32 | words[2];
	} else {
		set_ipv4(peer, sk->__sk_common.skc_daddr);
	}
	set_port(peer, sk->__sk_common.skc_num, bpf_ntohs(sk->__sk_common.skc_dport));
}

/* Where struct mmsghdr and struct user_msghdr have the address: their first word. */
static __always_inline __u64 name_in(__u64 header, bool compat)
{
	__u64 name = 0;

	bpf_probe_read_user(&name, compat ? 4 : 8, (void *)header);
	return name;
}

/* A struct mmsghdr: a header and a length, which take up whole words. */
#define MMSGHDR(compat) ((compat) ? 32 : 64)

/* The address that the current call sends to, in its memory; 0 when it gives none. */
static __always_inline __u64 destination_of_call(struct sock *sk)
{
	struct pt_regs *regs = registers_of_call(sk);
	__u64 headers;
	__u32 place;
	bool compat;

	if (!regs)
		return 0;
	compat = is_compat();
	switch (socket_call_nr(regs, compat)) {
	case NR_SENDTO:
	case COMPAT_SENDTO:
		return socket_call_arg(regs, 4, compat);
	case NR_SENDMSG:
	case COMPAT_SENDMSG:
		return name_in(socket_call_arg(regs, 1, compat), compat);
	case NR_SENDMMSG:
	case COMPAT_SENDMMSG:
		headers = socket_call_arg(regs, 1, compat);
		place = next_of_batch(headers, socket_call_arg(regs, 2, compat));
		return name_in(headers + place * MMSGHDR(compat), compat);
	default:
		return 0;
	}
}

/* Sets the end that a struct sockaddr in the caller's memory names; false when it names none. */
static __always_inline bool peer_of_sockaddr(struct peer *peer, __u32 local, __u64 sockaddr)
{
	struct {
		__u16 family;
		__u16 port;
		__u32 word; /* IPv4 address, or IPv6 flow information */
		__u64 address[2];
	} to = {};

	if (!sockaddr || (bpf_probe_read_user(&to, sizeof(to), (void *)sockaddr) &&
			  bpf_probe_read_user(&to, 8, (void *)sockaddr)))
		return false;
	if (to.family == AF_INET6) {
		peer->address[0] = to.address[0];
		peer->address[1] = to.address[1];
	} else {
		set_ipv4(peer, to.word);
	}
	set_port(peer, local, bpf_ntohs(to.port));
	return true;
}

/* The end that the current call sends a datagram to. */
static __always_inline void destination(struct peer *peer, struct sock *sk)
{
	if (!peer_of_sockaddr(peer, sk->__sk_common.skc_num, destination_of_call(sk)))
		peer_of_sock(peer, sk);
}
