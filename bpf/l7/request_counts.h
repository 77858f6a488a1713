/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of requests and of bytes, in lines (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/log2.h>
#include <ringtap/ring.h>

#include "connection.h"

/*
 * Lines for (actor, request number) pairs and for (actor, protocol, role), powers of two. Behind
 * them follow overflow lines, one for each protocol and role; of bytes, once more for what TLS
 * carries, and for Unix sockets.
 */
const volatile __u32 request_lines = 8192;
const volatile __u32 flow_lines = 8192;
#define OVERFLOW_LINES (6 * PROTOCOLS)

/* Histogram slots: at most 2^(12 - 30) s (3.8 µs), 2^(13 - 30) s, … 2^(36 - 30) s (64 s), more. */
#define FIRST_POWER 12
#define SLOTS 26

/*
 * The number of a request's key has what its series are told apart by: the status in bits 0 to 9,
 * the operation from bit 10 on, the error (enum l7_error) from 20 on, the role in bit 23, the
 * protocol from 24 on. Overflow lines have protocol and role, and OTHER_OPERATION.
 */
#define OPERATION_SHIFT 10
#define ERROR_SHIFT 20
#define ROLE_SHIFT 23
#define PROTOCOL_SHIFT 24
#define OTHER_OPERATION 1023

/* Of a route, the number that userspace has given it (routes.h); 0 of requests without one. */
struct request_key {
	struct actor_key actor;
	__u64 route;
};

/* Requests that have no record: each is in one slot. */
struct request_line {
	struct request_key key;
	__u64 duration; /* sum, ns */
	__u64 dropped;	/* of the requests: those that the ring's account has as dropped */
	__u64 slots[SLOTS];
	__u64 slowest; /* the request that had a record last, ns: routes.h */
	__u64 slowest_until;
};

/* What becomes of the bytes of a call. */
enum bytes {
	BYTES_PARSED,
	BYTES_OPAQUE,
	BYTES_SKIPPED,			     /* for an enum reason: BYTES_SKIPPED + reason */
	BYTES_TLS = BYTES_SKIPPED + REASONS, /* the bytes of TLS itself */
};

/* How much of what a TLS connection carries has been seen, where that is wanted. */
enum tls_sight {
	TLS_SEEN,      /* all of it */
	TLS_SEEN_LATE, /* from some call on */
	TLS_UNSEEN,
};

#define TLS_SIGHTS 4

/* Powers of two, at least BYTES_TLS + 1 and REASONS. */
#define BYTES_KINDS 8
#define LOST_KINDS 8

/* In the number of a line of bytes: they are those that TLS carries, or Unix sockets. */
#define WITHIN_UNIX 32
#define WITHIN_TLS 64

struct flow_line {
	struct actor_key key; /* its number: protocol << 1 | role, and WITHIN_TLS */
	__u64 received[BYTES_KINDS];
	__u64 sent[BYTES_KINDS];
	__u64 lost[LOST_KINDS]; /* requests, or responses to requests that were not seen */
	__u64 repeated;		/* of the requests: those that were sent before and still waited */
	__u64 stray;		/* responses to no request that waits */
	__u64 tls[TLS_SIGHTS];	/* connections that have ended, by enum tls_sight */
};

EXPORT_RECORD(request_line);
EXPORT_RECORD(flow_line);

LINES(requests, struct request_line, request_keys, struct request_key, 8192 + OVERFLOW_LINES);
LINES(flows, struct flow_line, flow_keys, struct actor_key, 8192 + OVERFLOW_LINES);

#define KEY_WORDS (sizeof(struct actor_key) / sizeof(__u64))
#define REQUEST_KEY_WORDS (sizeof(struct request_key) / sizeof(__u64))

static __always_inline void set_request_key(struct request_key *key, const struct actor_key *owner,
					    __u32 number)
{
	key->actor = *owner;
	key->actor.process.pair = (__u64)number << 32 | (__u32)owner->process.pair;
	key->route = 0;
}

/* Does a line's key have this owner and this number? */
static __always_inline bool is_key_of(const struct actor_key *key, const struct actor_key *owner,
				      __u32 number)
{
	const __u64 *taken = &key->process.pair, *words = &owner->process.pair;
	__u64 differs = taken[0] ^ ((__u64)number << 32 | (__u32)words[0]);
	__u32 word;

	for (word = 1; word < KEY_WORDS; word++)
		differs |= taken[word] ^ words[word];
	return !differs;
}

/* The line of this index, if it is that of this owner, number and route; else NULL. */
static __always_inline struct request_line *
same_request_line(__u32 index, const struct actor_key *owner, __u32 number, __u64 route)
{
	struct request_line *line = bpf_map_lookup_elem(&requests, &index);

	return line && line->key.route == route && is_key_of(&line->key.actor, owner, number) ?
		       line :
		       NULL;
}

/*
 * The line of a request's key, and its index; or the overflow line that counts it, in place of
 * whose key is the given one then: two of them take too much stack.
 */
static __always_inline void *line_of_request(void *lines, void *taken, struct request_key *key,
					     __u32 *index)
{
	__u32 number = key->actor.process.pair >> 32, kind = (number >> ROLE_SHIFT) & 31;
	void *line = find_line_at(lines, taken, request_lines, &key->actor.process.pair,
				  REQUEST_KEY_WORDS, PROBES, index);

	if (line)
		return line;
	number = kind << ROLE_SHIFT | OTHER_OPERATION << OPERATION_SHIFT;
	__builtin_memset(key, 0, sizeof(*key));
	key->actor.process = process_key(OTHER_TGID, 0, number);
	return line_at(lines, taken, request_lines + kind, &key->actor.process.pair,
		       REQUEST_KEY_WORDS);
}

/*
 * The same of a connection's request without a route, by its number. Most of a connection's are
 * counted in one line.
 */
static __always_inline struct request_line *line_without_route(struct connection *c, __u32 number)
{
	struct request_line *line = same_request_line(c->counted_line, &c->owner, number, 0);
	struct request_key key;
	__u32 index;

	if (line)
		return line;
	set_request_key(&key, &c->owner, number);
	line = line_of_request(&requests, &request_keys, &key, &index);
	c->counted_line = index;
	return line;
}

/* Adds so many requests that took so long each. */
static __always_inline void add_requests_to(struct request_line *line, __u64 duration,
					    __u32 requests)
{
	__sync_fetch_and_add(&line->duration, requests * duration);
	__sync_fetch_and_add(&line->slots[slot_of_seconds(duration, FIRST_POWER, SLOTS)], requests);
}

/*
 * The overflow line of bytes of a kind. Its key is put in place of another one, as in
 * line_of_request().
 */
static __always_inline struct flow_line *flow_overflow_line(struct actor_key *key, __u32 kind)
{
	*key = (struct actor_key){ .process = process_key(OTHER_TGID, 0, kind) };
	kind = (kind & (2 * PROTOCOLS - 1)) + (kind & WITHIN_TLS  ? 2 * PROTOCOLS :
					       kind & WITHIN_UNIX ? 4 * PROTOCOLS :
								    0);
	return line_at(&flows, &flow_keys, flow_lines + kind, &key->process.pair, KEY_WORDS);
}

static __always_inline struct flow_line *flow_line_of(const struct actor_key *owner, __u32 kind)
{
	struct actor_key key = *owner;
	struct flow_line *line;

	key.process.pair = (__u64)kind << 32 | (__u32)key.process.pair;
	line = find_line(&flows, &flow_keys, flow_lines, &key.process.pair, KEY_WORDS);
	return line ? line : flow_overflow_line(&key, kind);
}

static __always_inline __u32 kind_of(const struct connection *c)
{
	return ((c->protocol << 1 | c->role) & (2 * PROTOCOLS - 1)) |
	       (c->tls == TLS_PLAINTEXT ? WITHIN_TLS :
		c->is_unix		? WITHIN_UNIX :
					  0);
}

/* The line of this index, if it is this owner's and of this kind; else NULL. */
static __always_inline struct flow_line *same_flow_line(__u32 index, const struct actor_key *owner,
							__u32 kind)
{
	struct flow_line *line = bpf_map_lookup_elem(&flows, &index);

	return line && is_key_of(&line->key, owner, kind) ? line : NULL;
}

/*
 * Finds the line of a connection's bytes, and keeps its index, which most calls need no more
 * than.
 */
static __always_inline struct flow_line *find_flow_line(struct connection *c)
{
	struct actor_key key = c->owner;
	__u32 index = 0;
	struct flow_line *line;

	key.process.pair = (__u64)kind_of(c) << 32 | (__u32)key.process.pair;
	/* A connection of which no call has been seen has no owner. */
	line = c->owner.process.start ? find_line_at(&flows, &flow_keys, flow_lines,
						     &key.process.pair, KEY_WORDS, PROBES, &index) :
					NULL;
	if (line)
		c->flow_line = index;
	return line ? line : flow_overflow_line(&key, kind_of(c));
}

static __always_inline struct flow_line *flow_line_of_connection(struct connection *c)
{
	struct flow_line *line = same_flow_line(c->flow_line, &c->owner, kind_of(c));

	return line ? line : find_flow_line(c);
}

/* Counts bytes of a call that came in this direction. Global, so that it is verified once. */
__noinline int count_bytes(struct connection *c, __u32 direction, __u32 kind, __u64 bytes)
{
	struct flow_line *line;

	if (!c || !bytes)
		return 0;
	line = flow_line_of_connection(c);
	if (!line)
		return 0;
	__sync_fetch_and_add(direction == SENT ? &line->sent[kind & (BYTES_KINDS - 1)] :
						 &line->received[kind & (BYTES_KINDS - 1)],
			     bytes);
	return 0;
}

/* Counts requests that were lost. */
__noinline int count_lost(struct connection *c, __u32 reason, __u32 requests)
{
	struct flow_line *line;

	if (!c || !requests)
		return 0;
	line = flow_line_of_connection(c);
	if (line)
		__sync_fetch_and_add(&line->lost[reason & (LOST_KINDS - 1)], requests);
	return 0;
}

/* Counts a request that was sent before, and has not been answered. */
__noinline int count_repeated(struct connection *c)
{
	struct flow_line *line = c ? flow_line_of_connection(c) : NULL;

	if (line)
		atomic_inc(&line->repeated);
	return 0;
}

/* Counts a response that answers no request that waits. */
__noinline int count_stray(struct connection *c)
{
	struct flow_line *line = c ? flow_line_of_connection(c) : NULL;

	if (line)
		atomic_inc(&line->stray);
	return 0;
}
