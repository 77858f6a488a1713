/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose RST it is, and which end has sent it.
 *
 * Data for a socket that its program reads no more is answered by a RST. For a socket that has sent
 * its FIN, tcp_rcv_state_process() calls tcp_reset() first, as if a RST had come, and so
 * tcp_receive_reset fires, then state changes to TCP_CLOSE, a closed socket is destroyed, and only
 * then the RST is sent (tcp_send_reset). Until that is clear the RST waits in the map `undecided`:
 * tcp_send_reset makes it one that was sent; tcp_decide, which userspace runs once a second, one
 * that was received.
 *
 * A socket that is closed and has had its FIN acknowledged becomes a struct inet_timewait_sock
 * (tcp_time_wait()), which answers data by a RST too; and one that is closed and does not wait
 * (TCP_LINGER2) is destroyed before its RST is sent. What they were is kept in the map `ended`.
 */
#pragma once

#include "connection.h"
#include "records.h"

/* RSTs that are not decided, a second's worth; not preallocated. */
#define UNDECIDED_MAX 16384

/* Connections that the process has closed first: 6 MiB, preallocated. The longest ago go first. */
#define ENDED_MAX 16384

/* A RST that has not been sent in this time was received. It takes microseconds. */
#define DECIDE_NS 100000000ull

struct ended_connection {
	__u64 opened;
	struct tcp_sample sample;
};

struct undecided_reset {
	__u64 time;
	struct ended_connection of;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, UNDECIDED_MAX);
	__type(key, __u64); /* the address of the struct sock */
	__type(value, struct undecided_reset);
} undecided SEC(".maps");

/* What a socket and the struct inet_timewait_sock that comes after it have in common. */
struct connection_ends {
	__u64 namespace;
	struct endpoints ends;
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, ENDED_MAX);
	__type(key, struct connection_ends);
	__type(value, struct ended_connection);
} ended SEC(".maps");

/* A process has closed a connection that may yet send a RST. */
static __always_inline void keep_ended(struct sock *sk, struct ended_connection *connection)
{
	struct connection_ends key = {
		.namespace = address_of(READ(sk, __sk_common.skc_net.net)),
		.ends = connection->sample.ends,
	};

	bpf_map_update_elem(&ended, &key, connection, BPF_ANY);
}

/* Is a RST received, as the kernel says, or will it be sent? */
static __always_inline bool is_undecided(struct sock *sk)
{
	int state = READ(sk, __sk_common.skc_state);

	return (state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2) &&
	       READ(sk, sk_shutdown) & RCV_SHUTDOWN;
}

static __always_inline void report_received(struct undecided_reset *reset)
{
	report_sample(&reset->of.sample, TCP_EVENT_RESET_RECEIVED, reset->time, reset->of.opened);
}

static __always_inline void defer_reset(struct sock *sk, struct undecided_reset *reset)
{
	__u64 key = (__u64)sk;
	struct undecided_reset *earlier = bpf_map_lookup_elem(&undecided, &key);

	/* Of a connection that the socket's memory held before. */
	if (earlier)
		report_received(earlier);
	update_or_count(&undecided, &key, reset, BPF_ANY);
}

/* Moves the undecided RST of a socket that sends one in reply, if there is one. */
static __always_inline bool pop_undecided(struct sock *sk, struct ended_connection *connection)
{
	__u64 key = (__u64)sk;
	struct undecided_reset *reset = bpf_map_lookup_elem(&undecided, &key);

	if (!reset)
		return false;
	/* Not of a connection that the socket's memory held before. */
	if (local_port(sk) != reset->of.sample.ends.local_port ||
	    remote_port(sk) != reset->of.sample.ends.remote_port ||
	    bpf_ktime_get_ns() - reset->time > DECIDE_NS)
		return false;
	*connection = reset->of;
	bpf_map_delete_elem(&undecided, &key);
	return true;
}

/* Copies the connection that a process has closed, and that `sk` answers for. */
static __always_inline bool find_ended(struct sock *sk, struct ended_connection *connection)
{
	struct connection_ends key = {
		.namespace = address_of(READ(sk, __sk_common.skc_net.net)),
	};
	struct ended_connection *found;

	endpoints_of_sock(&key.ends, sk);
	if (READ(sk, __sk_common.skc_state) == TCP_TIME_WAIT)
		key.ends.local_port = READ(sk, __sk_common.skc_num);
	found = bpf_map_lookup_elem(&ended, &key);
	if (found)
		*connection = *found;
	return found;
}

/* Reports the RSTs that have turned out to be received; writes no records of its own. */
SEC("iter/bpf_map_elem")
int tcp_decide(struct bpf_iter__bpf_map_elem *ctx)
{
	struct undecided_reset *reset = ctx->value, decided;
	__u64 *key = ctx->key, address;

	if (!key || !reset || bpf_ktime_get_ns() - reset->time <= DECIDE_NS)
		return 0;
	address = *key;
	decided = *reset;
	if (!bpf_map_delete_elem(&undecided, &address))
		report_received(&decided);
	return 0;
}
