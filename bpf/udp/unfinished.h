/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Datagrams that a call to send has left incomplete (MSG_MORE, UDP_CORK), and that no further one
 * completes, but setsockopt(UDP_CORK, 0) or the end of a sendfile(2) (udp_lib_setsockopt(),
 * udp_splice_eof(), net/ipv4/udp.c): at the return of such a call, a socket that is here and has
 * none any more has sent it. What is dropped instead, with its socket or since a call has failed
 * to add to it, is not seen by such a call.
 */
#pragma once

#include "peer.h"

/* Are those counted that other calls than those that send complete? */
const volatile bool corked;

/*
 * Sockets that have one at once. Those that were closed with one stay until others need the room.
 */
#define UNFINISHED_MAX 4096

/*
 * By the socket's inode number; the other end that it goes to, where userspace tells peers apart.
 */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, UNFINISHED_MAX);
	__type(key, __u64);
	__type(value, struct peer);
} unfinished SEC(".maps");

/* Has the map ever had an entry? Where no program does so, sends need not search it. */
static volatile bool has_unfinished;

KERNEL_TYPES_BEGIN

struct udp_sock {
	int pending; /* the family of a datagram that is not complete yet */
};

struct socket___file {
	struct file *file; /* NULL: of the kernel's own */
};

KERNEL_TYPES_END

static __always_inline bool is_unfinished(struct sock *sk)
{
	struct udp_sock *udp = (void *)sk;

	return READ(udp, pending);
}

/* Its inode number, which no other socket has at the same time; 0 for one of the kernel's own. */
static __always_inline __u64 number_of_sock(struct sock *sk)
{
	struct socket___file *socket = (void *)READ(sk, sk_socket);
	struct file *file = socket ? READ(socket, file) : NULL;

	return file ? READ(file, f_inode, i_ino) : 0;
}

/* A call has sent a part of a datagram to this peer. */
static __always_inline void keep_unfinished(struct sock *sk, const struct peer *peer)
{
	__u64 number = number_of_sock(sk);

	has_unfinished = true;
	bpf_map_update_elem(&unfinished, &number, peer, BPF_ANY);
}

/* A call that sends has completed the datagram, or has failed and dropped it. */
static __always_inline void delete_unfinished(struct sock *sk)
{
	__u64 number;

	if (!has_unfinished)
		return;
	number = number_of_sock(sk);
	bpf_map_delete_elem(&unfinished, &number);
}

/*
 * The socket whose datagram the call that returns has completed, and the peer that it was for;
 * NULL where it has done no such thing.
 */
static __always_inline struct sock *completed_sock(struct pt_regs *regs, struct peer *peer)
{
	bool compat = is_compat();
	struct peer *kept;
	struct file *file;
	struct sock *sk;
	__u64 number;

	switch (socket_call_nr(regs, compat)) {
	case NR_SETSOCKOPT:
	case NR_SENDFILE:
	case COMPAT_SETSOCKOPT:
	case COMPAT_SENDFILE:
	case COMPAT_SENDFILE64:
		break;
	default:
		return NULL;
	}
	file = file_of(socket_call_arg(regs, 0, compat));
	sk = file ? sock_of(file) : NULL;
	if (!sk)
		return NULL;
	number = READ(file, f_inode, i_ino);
	kept = bpf_map_lookup_elem(&unfinished, &number);
	if (!kept || is_unfinished(sk))
		return NULL;
	*peer = *kept;
	/* Of two threads whose calls return at once, one has completed it. */
	return bpf_map_delete_elem(&unfinished, &number) ? NULL : sk;
}
