/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections whose sockets have been closed, as their memory tells: those of Unix sockets, which
 * no tracepoint tells of, and those of TCP of which the kernel has left out l7_destroy.
 */
#pragma once

#include "unix.h"

/* Those of TCP are looked for this often at most, ns: that takes some 400 ns for each. */
const volatile __u64 closed_interval = 30ull * 1000 * 1000 * 1000;

/* When they were last, CLOCK_MONOTONIC, ns. */
static __u64 last_search;

/*
 * Has the TCP socket of a connection been closed? When a socket is destroyed it is in TCP_CLOSE and
 * has SOCK_DEAD (inet_csk_destroy_sock(), net/ipv4/inet_connection_sock.c), and no call comes to
 * it any more. Both stay in its memory, which is that of TCP sockets alone (SLAB_TYPESAFE_BY_RCU),
 * until another one has it, or the page is freed.
 */
static __always_inline bool is_tcp_closed(const struct connection *c)
{
	struct sock *sk = (void *)c->sock;

	if (kernel_reads_forbidden && !has_casts())
		return false;
	return !is_tcp_sock(sk) ||
	       (READ(sk, __sk_common.skc_state) == TCP_CLOSE && has_flag(sk, SOCK_DEAD));
}

struct closed_search {
	bool is_of_tcp;
};

/* One of TCP is ended when it is found a second time: l7_destroy has had its turn by then. */
static long end_closed(void *map, __u64 *key, struct connection *c, struct closed_search *search)
{
	bool is_closed;

	if (!c->is_unix && !search->is_of_tcp)
		return 0;
	is_closed = c->is_unix ? is_unix_closed(c) : is_tcp_closed(c);
	if (is_closed && (c->is_unix || c->is_closing))
		end_connection((struct sock *)c->sock, c);
	else if (is_closed != c->is_closing)
		c->is_closing = is_closed;
	return 0;
}

static __always_inline void end_closed_connections(void)
{
	struct closed_search search = {};
	__u64 now = bpf_ktime_get_ns();

	if (now - last_search >= closed_interval) {
		last_search = now;
		search.is_of_tcp = true;
	}
	if (search.is_of_tcp || unix_wanted)
		bpf_for_each_map_elem(&connections, end_closed, &search, 0);
}
