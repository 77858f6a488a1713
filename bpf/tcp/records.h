/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What tcp reports: a record for each event, a sample for each connection of a snapshot. */
#pragma once

#include <ringtap/endpoints.h>
#include <ringtap/ring.h>

#include "connection.h"
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
	__u32 reserved_end;
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

static __always_inline struct tcp_event *begin(struct sock *sk, struct connection *c, __u32 kind)
{
	struct tcp_event *event = reserve(sizeof(*event));

	if (!event)
		return NULL;
	event->time = bpf_ktime_get_ns();
	event->duration = c->opened ? event->time - c->opened : 0;
	describe_sample(&event->sample, sk, c);
	event->reserved_end = 0;
	event->kind = kind;
	event->result = RESULT_ESTABLISHED;
	event->error = 0;
	return event;
}

static __always_inline void report(struct sock *sk, struct connection *c, __u32 kind)
{
	struct tcp_event *event = begin(sk, c, kind);

	if (event)
		submit(event);
}

/* The same of what was read at `time`, of a connection that was `opened` then. */
static __always_inline void report_sample(struct tcp_sample *sample, __u32 kind, __u64 time,
					  __u64 opened)
{
	struct tcp_event *event = reserve(sizeof(*event));

	if (!event)
		return;
	event->time = time;
	event->duration = opened ? time - opened : 0;
	event->sample = *sample;
	event->kind = kind;
	event->result = RESULT_ESTABLISHED;
	event->error = 0;
	event->reserved_end = 0;
	submit(event);
}

/* An attempt has failed; without an error the program gave it up. */
static __always_inline void report_failure(struct sock *sk, struct connection *c, __u32 error)
{
	struct tcp_event *event = begin(sk, c, TCP_EVENT_CONNECT);

	if (!event)
		return;
	event->result = error ? result_of(error) : RESULT_ABORTED;
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

	actor_of(&none.actor, current_task());
	event = begin(sk, &none, TCP_EVENT_CONNECT);
	if (!event)
		return;
	event->result = result_of(error);
	event->error = error;
	__builtin_memset(event->sample.connection, 0, sizeof(event->sample.connection));
	event->sample.sent = 0;
	event->sample.received = 0;
	event->sample.retransmits = 0;
	event->sample.rtt_us = 0;
	if (sockaddr)
		remote_of_sockaddr(&event->sample.ends, sockaddr);
	submit(event);
}
