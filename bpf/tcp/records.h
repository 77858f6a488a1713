/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tcp reports: a record for each event, a sample for each connection of a snapshot. */
#pragma once

#include <ringtap/endpoints.h>
#include <ringtap/ring.h>

#include "connection.h"
#include "counts.h"
#include "outcome.h"
#include "traffic.h"

enum tcp_event_kind {
	TCP_EVENT_CONNECT, /* an active open has ended, well or not */
	TCP_EVENT_ACCEPT,
	TCP_EVENT_CLOSE, /* a connection has ended */
	TCP_EVENT_RESET_SENT,
	TCP_EVENT_RESET_RECEIVED,
};

/* A connection as it stands; counts are totals since the agent has known it. */
struct tcp_sample {
	__u32 connection[2]; /* the socket's address; with start it names the connection */
	__u32 start[2];	   /* connect(2) began or accept returned, ns, low word first; 0: before */
	__u64 sent;	   /* payload bytes, retransmissions left out */
	__u64 received;	   /* payload bytes, in order */
	__u32 retransmits; /* segments, SYN and SYN-ACK included */
	__u32 rtt_us;	   /* smoothed round-trip time, microseconds; 0: none measured */
	__u32 state;	   /* as include/net/tcp_states.h numbers them */
	enum tcp_role role;
	enum tcp_phase phase;
	__u32 reserved;
	struct actor actor;
	struct endpoints ends;
};

struct tcp_event {
	__u64 time;	/* CLOCK_MONOTONIC, ns */
	__u64 duration; /* connect: SYN to outcome; closed: lifetime, 0 when unknown; ns */
	struct tcp_sample sample;
	enum tcp_event_kind kind;
	enum tcp_result result; /* connect */
	__u32 error;		/* connect: the errno behind the result, 0 when established */
	__u32 counted;		/* 1: in a line of counts.h already */
};

EXPORT_RECORD(tcp_event);
EXPORT_RECORD(tcp_sample);

static __always_inline void describe_sample(struct tcp_sample *sample, struct sock *sk,
					    struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;
	struct traffic traffic = traffic_of(sk, c);
	__u64 address = address_of(sk);

	__builtin_memcpy(sample->connection, &address, sizeof(address));
	__builtin_memcpy(sample->start, &c->start, sizeof(c->start));
	sample->sent = traffic.sent - c->base_sent;
	sample->received = traffic.received - c->base_received;
	sample->retransmits = traffic.retransmits - c->base_retransmits;
	sample->rtt_us = READ(tcp, srtt_us) >> 3;
	sample->state = READ(sk, __sk_common.skc_state);
	sample->role = c->role;
	sample->phase = c->phase;
	sample->reserved = 0;
	sample->actor = c->actor;
	endpoints_of_sock(&sample->ends, sk);
}

static __always_inline __u32 rtt_us_of(struct sock *sk)
{
	struct tcp_sock *tcp = (void *)sk;

	return READ(tcp, srtt_us) >> 3;
}

static __always_inline struct tcp_event *begin(struct sock *sk, struct connection *c, __u32 kind,
					       __u64 now, bool counted)
{
	struct tcp_event *event = reserve(sizeof(*event));

	if (!event)
		return NULL;
	event->time = now;
	event->duration = c->opened ? now - c->opened : 0;
	describe_sample(&event->sample, sk, c);
	event->kind = kind;
	event->result = RESULT_ESTABLISHED;
	event->error = 0;
	event->counted = counted;
	return event;
}

static __always_inline void report(struct sock *sk, struct connection *c, __u32 kind, __u64 now,
				   bool counted)
{
	struct tcp_event *event = begin(sk, c, kind, now, counted);

	if (event)
		submit(event);
}

/*
 * Is an event without a record, as it is in a line and no one asked for it? Then the account has it
 * from there.
 */
static __always_inline bool is_silent(struct tcp_line *line, bool wanted)
{
	if (!line || wanted)
		return false;
	atomic_inc(&line->without_record);
	return true;
}

static __always_inline void report_accept(struct sock *sk, struct connection *c, __u64 now)
{
	struct tcp_line *line = line_of_connection(c);

	if (line)
		count_open(line, family_of(sk), RESULT_ESTABLISHED);
	else
		c->is_reported = true;
	if (!is_silent(line, successes_wanted))
		report(sk, c, TCP_EVENT_ACCEPT, now, line);
}

static __always_inline void report_established(struct sock *sk, struct connection *c, __u64 now)
{
	struct tcp_line *line = by_peer ? NULL : line_of_connection(c);
	bool wanted = successes_wanted;

	if (line) {
		count_open(line, family_of(sk), RESULT_ESTABLISHED);
		if (c->opened && now > c->opened) {
			observe(&line->connect_ns, line->connect_slots, now - c->opened);
			wanted |= is_slowest(line, now - c->opened, now);
		}
	} else {
		c->is_reported = true;
	}
	if (!is_silent(line, wanted))
		report(sk, c, TCP_EVENT_CONNECT, now, line);
}

/* Where to add what an ended connection has carried; NULL when that has to be a record. */
static __always_inline struct tcp_line *line_of_ended(struct sock *sk, struct connection *c)
{
	c->phase = PHASE_CLOSED;
	/*
	 * A snapshot does it the other way round, so that it shows an open connection only if it is
	 * seen here to be reported.
	 */
	order_accesses(sk, c);
	return by_peer || READ_ONCE(c->is_reported) ? NULL : line_of_connection(c);
}

static __always_inline void add_traffic(struct tcp_line *line, struct sock *sk,
					struct connection *c)
{
	struct traffic traffic = traffic_of(sk, c);

	traffic.sent -= c->base_sent;
	traffic.received -= c->base_received;
	traffic.retransmits -= c->base_retransmits;
	count_traffic(line, &traffic, rtt_us_of(sk));
}

/* A connection has ended: from now on it is PHASE_CLOSED. */
static __always_inline void report_close(struct sock *sk, struct connection *c)
{
	struct tcp_line *line = line_of_ended(sk, c);
	__u64 now = bpf_ktime_get_ns();

	if (line) {
		add_traffic(line, sk, c);
		if (c->opened && now > c->opened)
			observe(&line->lifetime_ns, line->lifetime_slots, now - c->opened);
	}
	if (!is_silent(line, successes_wanted))
		report(sk, c, TCP_EVENT_CLOSE, now, line);
}

/* A RST of a connection that was read at `time`, and was `opened` then. */
static __always_inline void report_reset(struct tcp_sample *sample, __u64 process_start, __u32 kind,
					 __u64 time, __u64 opened)
{
	struct tcp_line *line = line_of(&sample->actor, process_start, sample->role);
	struct tcp_event *event;

	if (line)
		atomic_inc(&line->resets[kind == TCP_EVENT_RESET_RECEIVED]);
	if (is_silent(line, failures_wanted))
		return;
	event = reserve(sizeof(*event));
	if (!event)
		return;
	event->time = time;
	event->duration = opened ? time - opened : 0;
	event->sample = *sample;
	event->kind = kind;
	event->result = RESULT_ESTABLISHED;
	event->error = 0;
	event->counted = line ? 1 : 0;
	submit(event);
}

/* An attempt has failed, and is PHASE_CLOSED; without an error the program gave it up. */
static __always_inline void report_failure(struct sock *sk, struct connection *c, __u32 error,
					   __u64 now)
{
	enum tcp_result result = error ? result_of(error) : RESULT_ABORTED;
	struct tcp_line *line = line_of_ended(sk, c);
	struct tcp_event *event;

	if (line) {
		count_open(line, family_of(sk), result);
		add_traffic(line, sk, c);
	}
	if (is_silent(line, failures_wanted))
		return;
	event = begin(sk, c, TCP_EVENT_CONNECT, now, line);
	if (!event)
		return;
	event->result = result;
	event->error = error;
	submit(event);
}

/*
 * connect(2) has returned an error to the current task without a SYN. It may have left a connection
 * that the socket has: the record is of none.
 */
static __always_inline void report_unsent(struct sock *sk, __u32 error, __u64 sockaddr)
{
	struct connection none = { .role = ROLE_CLIENT, .phase = PHASE_CLOSED };
	struct tcp_event *event;
	struct tcp_line *line;
	struct endpoints ends;

	actor_of(&none.actor, current_task());
	none.process_start = current_process().start;
	endpoints_of_sock(&ends, sk);
	if (sockaddr)
		remote_of_sockaddr(&ends, sockaddr);
	line = by_peer ? NULL : line_of_connection(&none);
	if (line)
		count_open(line, ends.family, result_of(error));
	if (is_silent(line, failures_wanted))
		return;
	event = begin(sk, &none, TCP_EVENT_CONNECT, bpf_ktime_get_ns(), line);
	if (!event)
		return;
	event->result = result_of(error);
	event->error = error;
	__builtin_memset(event->sample.connection, 0, sizeof(event->sample.connection));
	event->sample.sent = 0;
	event->sample.received = 0;
	event->sample.retransmits = 0;
	event->sample.rtt_us = 0;
	event->sample.ends = ends;
	submit(event);
}
