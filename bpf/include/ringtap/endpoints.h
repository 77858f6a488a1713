/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two ends of a connection, IPv4 and IPv6 in one form. */
#pragma once

#include <bpf/bpf_endian.h>

#include <ringtap/sock.h>

enum ip_family {
	FAMILY_IPV4, /* IPv4-mapped IPv6 addresses too */
	FAMILY_IPV6,
};

struct endpoints {
	enum ip_family family;
	__u16 local_port;
	__u16 remote_port;
	__u32 local_address[4]; /* network order; IPv4 in the first word */
	__u32 remote_address[4];
};

/* ::ffff:0:0/96, the IPv4-mapped addresses; one branch, of which the verifier walks each. */
static __always_inline bool is_mapped(struct in6_addr *address)
{
	__u32 *words = address->in6_u.u6_addr32;

	return !(words[0] | words[1] | (words[2] ^ bpf_htonl(0xffff)));
}

static __always_inline enum ip_family family_of(struct sock *sk)
{
	struct in6_addr remote;

	if (READ(sk, __sk_common.skc_family) != AF_INET6)
		return FAMILY_IPV4;
	remote = READ(sk, __sk_common.skc_v6_daddr);
	return is_mapped(&remote) ? FAMILY_IPV4 : FAMILY_IPV6;
}

/* A socket's own port, which is kept after the socket has given it up. */
static __always_inline __u16 local_port(struct sock *sk)
{
	struct inet_sock *inet = (void *)sk;

	return bpf_ntohs(READ(inet, inet_sport));
}

static __always_inline __u16 remote_port(struct sock *sk)
{
	return bpf_ntohs(READ(sk, __sk_common.skc_dport));
}

/* The ends of a socket. */
static __always_inline void endpoints_of_sock(struct endpoints *ends, struct sock *sk)
{
	struct in6_addr local, remote;

	__builtin_memset(ends, 0, sizeof(*ends));
	ends->local_port = local_port(sk);
	ends->remote_port = remote_port(sk);
	if (READ(sk, __sk_common.skc_family) == AF_INET6) {
		local = READ(sk, __sk_common.skc_v6_rcv_saddr);
		remote = READ(sk, __sk_common.skc_v6_daddr);
		if (!is_mapped(&remote)) {
			ends->family = FAMILY_IPV6;
			__builtin_memcpy(ends->local_address, &local, sizeof(local));
			__builtin_memcpy(ends->remote_address, &remote, sizeof(remote));
			return;
		}
	}
	/*
	 * A mapped socket has its IPv4 addresses here as well (tcp_v6_connect,
	 * tcp_v6_syn_recv_sock).
	 */
	ends->local_address[0] = READ(sk, __sk_common.skc_rcv_saddr);
	ends->remote_address[0] = READ(sk, __sk_common.skc_daddr);
}

/* Sets the remote end to a struct sockaddr in the caller's memory, where that can be read. */
static __always_inline void remote_of_sockaddr(struct endpoints *ends, __u64 sockaddr)
{
	struct {
		__u16 family;
		__u16 port;
		__u32 word; /* IPv4 address, or IPv6 flow information */
		struct in6_addr address;
	} to = {};

	if (bpf_probe_read_user(&to, sizeof(to), (void *)sockaddr) &&
	    bpf_probe_read_user(&to, 8, (void *)sockaddr))
		return;
	ends->remote_port = bpf_ntohs(to.port);
	ends->family = FAMILY_IPV4;
	if (to.family == AF_INET6 && !is_mapped(&to.address)) {
		ends->family = FAMILY_IPV6;
		__builtin_memcpy(ends->remote_address, &to.address, sizeof(to.address));
	} else {
		ends->remote_address[0] = to.family == AF_INET6 ? to.address.in6_u.u6_addr32[3] :
								  to.word;
	}
}
