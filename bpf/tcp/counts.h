/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts of events and of what connections have carried, by actor and role (ringtap/counts.h).
 *
 * An event is counted here, or in userspace by its record: never in both. A record that is sent
 * only because someone watches says that its event is `counted`. What has no line, because all are
 * taken, has a record.
 */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/log2.h>

#include "connection.h"
#include "outcome.h"
#include "traffic.h"

/* Lines for (actor, role) pairs, a power of two. */
const volatile __u32 count_lines = 4096;
#define ALL_LINES 4096

/* Are events counted? In `ringtap trace`, no one reads counts. */
const volatile bool counting = true;

/* Do userspace's counts tell peers apart? Then outcomes and bytes have to be records. */
const volatile bool by_peer;

/* Which events have a record though they are counted. Userspace changes it while programs run. */
volatile bool failures_wanted;
volatile bool successes_wanted;

/* Histogram slots: at most 2^(8 - 30) s (238 ns), 2^(9 - 30) s, … 2^(36 - 30) s (64 s), more. */
#define FIRST_POWER 8
#define SLOTS 30

#define FAMILIES 2
#define DIRECTIONS 2

/* For so long a connect is the slowest of its line against faster ones. */
#define SLOWEST_NS 1000000000ull

struct tcp_line {
	struct actor_key key;		 /* its number is the role, from 1 */
	__u64 without_record;		 /* events: the account of the ring has the others */
	__u64 opens[FAMILIES * RESULTS]; /* connects, or accepts: established */
	__u64 resets[DIRECTIONS];	 /* sent, received */
	__u64 sent;			 /* this and the next two, of connections that have ended */
	__u64 received;
	__u64 retransmits;
	__u64 connect_ns; /* sums of what the slots count */
	__u64 lifetime_ns;
	__u64 rtt_ns;
	__u64 connect_slots[SLOTS];
	__u64 lifetime_slots[SLOTS];
	__u64 rtt_slots[SLOTS];
	__u64 slowest; /* the connect that was a record last, ns */
	__u64 slowest_until;
};

EXPORT_RECORD(tcp_line);

LINES(counts, struct tcp_line, lines, struct actor_key, ALL_LINES);

/*
 * Few: the verifier walks them for each way that leads here, and what finds no line among them has
 * a record.
 */
#define COUNT_PROBES 4

/* Not inline: the verifier would walk it with all that it knows of each caller. */
static __noinline struct tcp_line *find_counts(const struct actor_key *key)
{
	return find_line_among(&counts, &lines, count_lines, &key->process.pair,
			       sizeof(*key) / sizeof(__u64), COUNT_PROBES);
}

/* The line of an actor in a role; NULL when there is none to be had: its events are records. */
static __always_inline struct tcp_line *line_of(struct actor *actor, __u64 process_start,
						__u32 role)
{
	struct actor_key key = {
		.process = process_key(actor->tgid, process_start, role + 1),
		.cgroup = actor->cgroup,
	};

	if (!counting)
		return NULL;
	__builtin_memcpy(key.comm, actor->comm, sizeof(key.comm));
	return find_counts(&key);
}

static __always_inline struct tcp_line *line_of_connection(struct connection *c)
{
	return line_of(&c->actor, c->process_start, c->role);
}

static __always_inline void add(__u64 *count, __u64 value)
{
	__sync_fetch_and_add(count, value);
}

static __always_inline void observe(__u64 *sum, __u64 *slots, __u64 duration)
{
	add(sum, duration);
	atomic_inc(&slots[slot_of_seconds(duration, FIRST_POWER, SLOTS)]);
}

static __always_inline void count_open(struct tcp_line *line, enum ip_family family,
				       enum tcp_result result)
{
	atomic_inc(&line->opens[(family == FAMILY_IPV6 ? RESULTS : 0) + result]);
}

/* Adds what a connection that has ended has carried. */
static __always_inline void count_traffic(struct tcp_line *line, struct traffic *traffic,
					  __u32 rtt_us)
{
	if (traffic->retransmits)
		add(&line->retransmits, traffic->retransmits);
	if (!(traffic->sent + traffic->received))
		return;
	add(&line->sent, traffic->sent);
	add(&line->received, traffic->received);
	if (rtt_us)
		observe(&line->rtt_ns, line->rtt_slots, rtt_us * 1000ull);
}

/*
 * Is a connect the slowest of its line in this second so far? Such ones are records, which
 * userspace shows as examples of what it counts.
 */
static __always_inline bool is_slowest(struct tcp_line *line, __u64 duration, __u64 now)
{
	bool is_new = now >= line->slowest_until;

	if (!is_new && duration <= line->slowest)
		return false;
	if (is_new)
		line->slowest_until = now + SLOWEST_NS;
	line->slowest = duration;
	return true;
}
