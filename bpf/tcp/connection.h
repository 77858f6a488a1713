/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The table of connections, by socket. */
#pragma once

#include <ringtap/account.h>
#include <ringtap/sock.h>

/* Connections known at once. */
#define CONNECTIONS_MAX 262144

/* Of those, so many are in a map of their own, which has the memory of all from the start. */
#define PREALLOCATED_MAX 8192

enum tcp_role {
	ROLE_CLIENT,
	ROLE_SERVER,
	ROLE_UNKNOWN, /* of a connection that is older than the agent */
};

enum tcp_phase {
	PHASE_CONNECTING,
	PHASE_OPEN,
	PHASE_UNACCEPTED, /* no process's yet: strays.h */
	PHASE_CLOSED, /* kept until destroyed: it can still send a reset, or be connected anew */
};

struct connection {
	/*
	 * connect(2) began or accept returned, ns; 0: older than the agent. With the address it
	 * names the connection, so it never changes: a snapshot may read it at any time.
	 */
	__u64 start;
	__u64 opened; /* SYN sent or accept returned, ns, what durations count from; 0: unknown */
	struct actor actor;
	__u64 process_start;  /* of the actor's process, ns; 0 when there is none */
	__u32 connecting_tid; /* the thread inside the connect(2) that began the attempt, else 0 */
	__u32 earlier_una;    /* the socket's snd_una before the attempt */
	__u16 error_read;     /* what SO_ERROR returned to the program during the attempt */
	__u16 error_unread;   /* what the attempt ended with, and one more call returns */
	__u8 role;
	__u8 phase;
	/*
	 * Userspace may have counted some of what it has carried, from a record or a snapshot: so
	 * its end is a record too.
	 */
	bool is_reported;
	__u8 reserved;
	__u32 first_seq; /* the sequence number of the first byte that is sent; 0: not known yet */
	/* What the socket had counted before the agent knew it. */
	__u32 base_retransmits;
	__u64 base_sent;
	__u64 base_received;
	__u64 ordered; /* written by order_accesses() alone */
};

/*
 * By the address of the struct sock. An entry that one CPU allocates and another frees costs more
 * than all else that is done for a connection, and memory for all that there may be is not to be
 * had: so most are in the first of two maps, and those that it has no place for in the second one.
 */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, PREALLOCATED_MAX);
	__type(key, __u64);
	__type(value, struct connection);
} preallocated SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CONNECTIONS_MAX - PREALLOCATED_MAX);
	__type(key, __u64);
	__type(value, struct connection);
} connections SEC(".maps");

/* Is there the first map? With a low limit there is not. */
const volatile bool has_preallocated = true;

/* Has it ever had no place? While it has not, the second one need not be searched. */
static volatile bool was_full;

static __always_inline struct connection *connection_of(struct sock *sk)
{
	__u64 key = (__u64)sk;
	struct connection *c;

	if (has_preallocated) {
		c = bpf_map_lookup_elem(&preallocated, &key);
		if (c || !was_full)
			return c;
	}
	return bpf_map_lookup_elem(&connections, &key);
}

/* The same, of a process: NULL for one that waits to be accepted. */
static __always_inline struct connection *owned_connection_of(struct sock *sk)
{
	struct connection *c = connection_of(sk);

	return c && c->phase != PHASE_UNACCEPTED ? c : NULL;
}

/*
 * Inserts a connection; with BPF_ANY in place of another that the socket's memory has held, with
 * BPF_NOEXIST unless it is known. False, and counted as map_full, when the table is full.
 */
static __always_inline bool insert_connection(struct sock *sk, struct connection *c, __u64 flags)
{
	__u64 key = (__u64)sk;
	int error;

	/* A socket is in one of the maps at most. */
	if (has_preallocated && !(was_full && bpf_map_lookup_elem(&connections, &key))) {
		error = bpf_map_update_elem(&preallocated, &key, c, flags);
		if (!error || error == -EEXIST)
			return !error;
		was_full = true;
	}
	return update_or_count(&connections, &key, c, flags);
}

/*
 * What is written to a connection before is seen by others before what is read from it afterwards.
 * On arm64 an add orders nothing; there it is the lock of the map's bucket, of a key that no socket
 * has.
 */
static __always_inline void order_accesses(struct sock *sk, struct connection *c)
{
#if defined(__TARGET_ARCH_x86)
	/* Not 0: clang makes an or of that, which programs have since Linux 5.12. */
	__sync_fetch_and_add(&c->ordered, 1);
#else
	__u64 key = (__u64)sk | 1;

	bpf_map_delete_elem(&connections, &key);
#endif
}

static __always_inline void delete_connection(struct sock *sk)
{
	__u64 key = (__u64)sk;

	if (has_preallocated && (!bpf_map_delete_elem(&preallocated, &key) || !was_full))
		return;
	bpf_map_delete_elem(&connections, &key);
}
