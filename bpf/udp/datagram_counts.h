/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of datagrams by actor, in lines (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/ring.h>

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

struct udp_line {
	struct actor_key key;
	__u64 sent;
	__u64 sent_bytes;
	__u64 received;
	__u64 received_bytes;
	__u64 failed;	   /* of other kinds than UDP_CARRIED */
	__u64 with_record; /* of these: those that are in the account of the ring */
};

EXPORT_RECORD(udp_line);

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 4096 + OVERFLOW_LINES);
	__type(key, __u32);
	__type(value, struct udp_line);
} datagrams SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 4096 + OVERFLOW_LINES);
	__type(key, __u32);
	__type(value, struct actor_key);
} datagram_keys SEC(".maps");

#define KEY_WORDS (sizeof(struct actor_key) / sizeof(__u64))

static __always_inline struct udp_line *udp_line_of(struct actor_key *key)
{
	__u32 kind = (key->process.pair >> 32) & (OVERFLOW_LINES - 1);
	struct actor_key other;
	struct udp_line *line;

	line = find_line(&datagrams, &datagram_keys, datagram_lines, &key->process.pair, KEY_WORDS);
	if (line)
		return line;
	other = (struct actor_key){ .process = process_key(OTHER_TGID, 0, kind) };
	return line_at(&datagrams, &datagram_keys, datagram_lines + kind, &other.process.pair,
		       KEY_WORDS);
}
