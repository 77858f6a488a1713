/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What requests are looked for in: protocols and ports. What is left out costs little. */
#pragma once

#include <ringtap/endpoints.h>

#include "connection.h"
#include "protocols/dns.h"

/* Bits of enum l7_protocol: those that are looked for. */
const volatile __u32 wanted_protocols = ~0u;

/* Are requests looked for at some ports alone? At those in this bitmap, of the server. */
const volatile bool ports_chosen;
const volatile __u64 chosen_ports[65536 / 64];

/* Bytes of connections that are left out for their ports, by direction; whose is not counted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
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

/* Is none of the two ends a server's whose requests are looked for? */
static __always_inline bool is_left_out(struct sock *sk)
{
	return ports_chosen && !is_chosen(local_port(sk)) && !is_chosen(remote_port(sk));
}

/* Is the server of a connection, of which the role is known, at a port that is left out? */
static __always_inline bool is_server_left_out(const struct connection *c)
{
	struct sock *sk = (void *)c->sock;

	return ports_chosen &&
	       !is_chosen(c->role == ROLE_SERVER ? local_port(sk) : remote_port(sk));
}

static __always_inline void count_left_out(__u32 direction, __u32 bytes)
{
	__u64 *count = bpf_map_lookup_elem(&left_out, &direction);

	/* A call in an interrupt may be counted within another one. */
	if (count)
		__sync_fetch_and_add(count, bytes);
}
