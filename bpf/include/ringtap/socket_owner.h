/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Which process holds a socket, for what happens to it in an interrupt: a packet that is dropped
 * comes when any task is current. A socket does not know its process. So such events are counted by
 * socket, and an iterator over all files, which costs nothing until it is read, tells whose sockets
 * these are (socketOwners() of src/sdk/socket-owners.ts). What is known of a socket itself is the
 * control group of the task that made it.
 */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/iter.h>
#include <ringtap/sock.h>

KERNEL_TYPES_BEGIN

/* Before 8520e224f547 (5.15) a word that is the group's address unless its lowest bit is set. */
struct sock_cgroup_data {
	struct cgroup *cgroup;
};

struct sock_cgroup_data___older {
	__u64 val;
};

struct sock___owner {
	struct sock_cgroup_data sk_cgrp_data; /* absent without CONFIG_SOCK_CGROUP_DATA */
	atomic_t sk_drops;
};

KERNEL_TYPES_END

/* A socket's address, as a number that a double holds: all addresses have the same bits above. */
#define SOCKET_BITS ((1ull << 52) - 1)

struct socket_owner {
	__u64 socket; /* its address, SOCKET_BITS of it */
	struct actor actor;
	__u32 drops;   /* what the kernel itself has counted as dropped on it (sk_drops) */
	__u32 listens; /* 1: a TCP socket that listens */
};

EXPORT_RECORD(socket_owner);

/* The id of the control group of the task that made a socket; 0 where version 2 is not in use. */
static __always_inline __u64 cgroup_of_sock(struct sock *sk)
{
	struct sock___owner *owned = (void *)sk;
	struct sock_cgroup_data___older *older;
	struct cgroup *cgroup;

	if (cgroup_source != CGROUP_UNIFIED || !bpf_core_field_exists(owned->sk_cgrp_data))
		return 0;
	if (bpf_core_field_exists(owned->sk_cgrp_data.cgroup)) {
		cgroup = READ(owned, sk_cgrp_data.cgroup);
	} else {
		older = (void *)&owned->sk_cgrp_data;
		cgroup = (void *)READ(older, val);
		if ((__u64)cgroup & 1)
			return 0;
	}
	return cgroup ? cgroup_id(cgroup) : 0;
}

/*
 * The key of a socket's line: in place of a process's start, the socket. Without a socket, what no
 * one is known to own.
 */
static __always_inline void socket_key(struct actor_key *key, struct sock *sk, __u32 number)
{
	*key = (struct actor_key){ .process = process_key(0, 0, number) };
	key->comm[0] = 0x6e776f6e6b6e757eull; /* "~unknown" */
	if (!sk)
		return;
	key->process.start = address_of(sk) & SOCKET_BITS;
	key->cgroup = cgroup_of_sock(sk);
}

/* One for each TCP and UDP socket of each process, in every network namespace. */
static __always_inline int write_socket_owner(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket_owner owner = {};
	struct sock___owner *owned;
	struct sock *sk;

	if (task && piece_ends())
		return 1;
	if (!task || !file)
		return 0;
	sk = sock_of(file);
	if (!sk || !is_of_ip(sk))
		return 0;
	owned = (void *)sk;
	owner.socket = address_of(sk) & SOCKET_BITS;
	actor_of(&owner.actor, task);
	owner.drops = READ(owned, sk_drops.counter);
	owner.listens = is_tcp_sock(sk) && READ(sk, __sk_common.skc_state) == TCP_LISTEN;
	bpf_seq_write(ctx->meta->seq, &owner, sizeof(owner));
	return 0;
}
