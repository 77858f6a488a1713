/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of datagrams by actor, and by the other end, in lines (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/ring.h>

#include "peer.h"

/* Do userspace's counts tell peers apart? */
const volatile bool by_peer;

/*
 * Lines, a power of two. Behind them follow those for what has no line of its own, one for each
 * kind and family. `datagrams` and `datagram_keys` have datagram_lines + OVERFLOW_LINES entries.
 */
const volatile __u32 datagram_lines = 4096;
#define OVERFLOW_LINES 8

/* What a line counts. */
enum udp_kind {
	UDP_CARRIED,	    /* sent and received */
	UDP_SEND_FAILED,    /* by errno */
	UDP_RECEIVE_FAILED, /* by errno */
	UDP_QUEUE_FULL,	    /* the socket's queue, or the memory of all, by errno; socket_key() */
};

/* A key's number has the family (enum ip_family) in bit 0, the kind from 1, the errno from 8 on. */
#define KIND_SHIFT 1
#define ERROR_SHIFT 8

struct udp_key {
	struct actor_key actor;
	struct peer peer; /* 0 unless by_peer; of UDP_CARRIED alone */
};

struct udp_line {
	struct udp_key key;
	__u64 sent;
	__u64 sent_bytes;
	__u64 received;
	__u64 received_bytes;
	__u64 failed;	   /* of other kinds than UDP_CARRIED */
	__u64 with_record; /* of these: those that are in the account of the ring */
};

EXPORT_RECORD(udp_line);

LINES(datagrams, struct udp_line, datagram_keys, struct udp_key, 4096 + OVERFLOW_LINES);

/* By the socket, as IPv6's which carry IPv4 do not tell. */
static __always_inline __u32 family_bit(struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_INET6 ? FAMILY_IPV6 : FAMILY_IPV4;
}

#define ACTOR_WORDS (sizeof(struct actor_key) / sizeof(__u64))
#define KEY_WORDS (sizeof(struct udp_key) / sizeof(__u64))

/* Fewer for peers: so that when there are too many, processes still find lines. */
#define PEER_PROBES 4

/* Not inline: the verifier would walk it with all that it knows of each caller. */
static __noinline struct udp_line *find_peer_line(const struct udp_key *key)
{
	return find_line_among(&datagrams, &datagram_keys, datagram_lines, &key->actor.process.pair,
			       KEY_WORDS, PEER_PROBES);
}

static __always_inline struct udp_line *udp_line_of(struct udp_key *key)
{
	__u32 kind = (key->actor.process.pair >> 32) & (OVERFLOW_LINES - 1);
	struct udp_key other = {};
	struct udp_line *line;

	if (by_peer) {
		line = find_peer_line(key);
		if (line)
			return line;
		key->peer = (struct peer){ .address = { OTHER_PEER } };
		line = find_line(&datagrams, &datagram_keys, datagram_lines,
				 &key->actor.process.pair, KEY_WORDS);
	} else {
		line = find_line(&datagrams, &datagram_keys, datagram_lines,
				 &key->actor.process.pair, ACTOR_WORDS);
	}
	if (line)
		return line;
	other.actor.process = process_key(OTHER_TGID, 0, kind);
	return line_at(&datagrams, &datagram_keys, datagram_lines + kind, &other.actor.process.pair,
		       KEY_WORDS);
}
