/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How requests end: counted, and a record for those who watch. */
#pragma once

#include <ringtap/endpoints.h>

#include "body_sizes.h"
#include "path.h"
#include "queue.h"
#include "request_counts.h"
#include "routes.h"
#include "statement.h"
#include "words.h"

/* Are requests counted? In `ringtap trace`, no one reads counts. */
const volatile bool counting = true;

/* Which requests have a record. Userspace changes it while the program runs. */
volatile bool failures_wanted;
volatile bool successes_wanted;
volatile __u32 recorded_protocols; /* bits of enum l7_protocol: all of these */

/* Are the paths of HTTP/2's requests wanted? They need each header block (header_blocks.h). */
const volatile bool blocks_wanted;

/* One in so many of the requests that have not failed has a record, chosen at random. */
const volatile __u32 record_one_in = 1;

struct l7_event {
	__u64 time;	  /* the response's end, CLOCK_MONOTONIC, ns */
	__u64 duration;	  /* ns, from the request's first bytes */
	__u32 path_id[2]; /* path_id(), low word first; 0: it is not known */
	struct actor actor;
	struct endpoints endpoints;
	enum l7_protocol protocol;
	enum l7_role role;
	enum l7_error error;
	__u32 operation;
	__u32 status; /* 0: there was no response */
	__u32 table;  /* of HTTP/2: what its path is known by (protocols/header_blocks.h) */
	__u32 stream;
	enum l7_path path_kind;
	/* Without a path, the record ends here. */
	__u32 path[PATH_LEN / 4];
};

#define PATHLESS_SIZE __builtin_offsetof(struct l7_event, path)

EXPORT_RECORD(l7_event);

/* A request's number (request_counts.h). */
static __always_inline __u32 number_of(const struct connection *c, __u32 operation, __u32 status,
				       enum l7_error error)
{
	return c->protocol << PROTOCOL_SHIFT | c->role << ROLE_SHIFT | error << ERROR_SHIFT |
	       (operation & 1023) << OPERATION_SHIFT | (status & 1023);
}

/* The failure that trace's failed() tells too (src/signals/l7/signal.ts). */
static __always_inline bool is_failure(__u32 number)
{
	return (number >> ERROR_SHIFT & 7) ||
	       (number & 1023) >= failing_status(number >> PROTOCOL_SHIFT);
}

/* Is the record of a request that has not failed left out? */
static __always_inline bool is_sampled_out(__u64 waiting)
{
	return sampling_skips(waiting) ||
	       (record_one_in > 1 && bpf_get_prandom_u32() % record_one_in);
}

/*
 * In `ringtap trace` nothing is sampled; elsewhere no failure is.
 *
 * Whether there is a record is told by its address: before Linux 6.2 the verifier takes a record
 * that has been compared with NULL for one that may be NULL, so only the caller may do it.
 */
static __always_inline struct l7_event *reserve_event(bool has_path, __u64 waiting, bool is_needed,
						      enum drop *reason)
{
	struct account *account;
	struct l7_event *event;

	*reason = SAMPLED;
	if (counting && !is_needed && is_sampled_out(waiting))
		return NULL;
	event = has_path ? bpf_ringbuf_reserve(&events, sizeof(struct l7_event), 0) :
			   bpf_ringbuf_reserve(&events, PATHLESS_SIZE, 0);
	if (!address_of(event)) {
		*reason = RING_FULL;
		if (!counting)
			count_drop(RING_FULL);
		return event;
	}
	*reason = NOT_DROPPED;
	account = account_of_this_cpu();
	if (account)
		atomic_inc(&account->produced);
	return event;
}

/* The ends of a connection; of one over Unix sockets the number of its name, and no ports. */
static __always_inline void set_ends(struct endpoints *ends, const struct connection *c)
{
	if (!c->is_unix) {
		endpoints_of_sock(ends, (struct sock *)c->sock);
		return;
	}
	__builtin_memset(ends, 0, sizeof(*ends));
	ends->local_address[0] = unix_name_of(c);
}

/* Copies what a record has for a path of the request that began at this time. */
static __always_inline enum l7_path copy_text(__u64 *to, struct connection *c, __u64 began)
{
	return c->protocol == PROTOCOL_DNS ? copy_name(to, c) :
	       keeps_statements(c)	   ? copy_statement(to, c, began) :
					     copy_path(to, c, began);
}

/*
 * Sends a record, of which userspace counts the request. `name` is its stream, and from bit 32 on
 * its table. Returns why it could not.
 */
static __always_inline enum drop send_record(struct connection *c, __u32 number, __u64 now,
					     __u64 duration, __u64 name)
{
	bool has_path = (paths_wanted || names_wanted || statements_wanted) &&
			is_path_of(c, path_mark(now, duration));
	__u64 waiting = waiting_bytes(), id;
	struct l7_event *event;
	enum drop reason;
	__u32 tgid;

	/* Else what is_failure() has told the caller is kept until then, which takes stack. */
	barrier_var(number);
	event = reserve_event(has_path, waiting, is_failure(number), &reason);
	if (!event)
		return reason;
	/* First what is in no memory: it need not be kept any more. */
	event->time = now;
	event->duration = duration;
	event->protocol = number >> PROTOCOL_SHIFT;
	event->error = number >> ERROR_SHIFT & 7;
	event->operation = number >> OPERATION_SHIFT & 1023;
	event->status = number & 1023;
	event->table = name >> 32;
	event->stream = name;
	event->path_kind = PATH_NONE;
	if (has_path)
		event->path_kind =
			copy_text((__u64 *)event->path, c, path_mark(event->time, event->duration));
	id = path_id(c, now, duration);
	__builtin_memcpy(event->path_id, &id, sizeof(id));
	event->role = c->role;
	tgid = c->owner.process.pair;
	event->actor.tgid = tgid;
	event->actor.tid = current_tgid() == tgid ? current_tid() : tgid;
	__builtin_memcpy(event->actor.comm, c->owner.comm, COMM_LEN);
	__builtin_memcpy(event->actor.thread_comm, c->owner.comm, COMM_LEN);
	event->actor.cgroup = c->owner.cgroup;
	set_ends(&event->endpoints, c);
	submit_behind(event, waiting);
	return NOT_DROPPED;
}

/* Counts a request in a line without a route; and why it has no record. */
static __always_inline void count_request(struct connection *c, __u32 number, __u64 duration,
					  enum drop reason)
{
	struct request_line *line = line_without_route(c, number);

	if (!line) {
		count_map_full();
		return;
	}
	add_requests_to(line, duration, 1);
	if (reason != NOT_DROPPED) {
		count_drop(reason);
		atomic_inc(&line->dropped);
	}
}

/*
 * Counts a request that took so long and has this number: in a record that userspace counts, or,
 * for want of one, in a line. `name` is what userspace knows its path by: send_record().
 */
__noinline int finish_named(struct connection *c, __u32 number, __u64 now, __u64 duration,
			    __u64 name)
{
	struct request_line *line = NULL;
	enum drop reason = NOT_DROPPED;
	bool has_record;

	if (!c)
		return 0;
	has_record = is_failure(number) ? failures_wanted : successes_wanted;
	if (!has_record && recorded_protocols >> (c->protocol & 31) & 1) {
		line = line_of_known_route(c, number, now, duration);
		has_record = !line || shows_exemplar(line, duration, now);
	}
	if (has_record) {
		reason = send_record(c, number, now, duration, name);
		if (reason == NOT_DROPPED)
			return 0;
	}
	if (!counting)
		return 0;
	if (line) {
		add_requests_to(line, duration, 1);
		return 0;
	}
	count_request(c, number, duration, reason);
	return 0;
}

static __always_inline void finish(struct connection *c, __u32 number, __u64 now, __u64 duration)
{
	finish_named(c, number, now, duration, 0);
}

/*
 * Counts so many requests of a number, none of which is to have a record, that took so long each.
 */
__noinline int count_requests(struct connection *c, __u32 number, __u64 duration, __u32 requests)
{
	struct request_line *line;

	if (!c)
		return 0;
	line = line_without_route(c, number);
	if (line)
		add_requests_to(line, duration, requests);
	else
		count_drops(MAP_FULL, requests);
	return 0;
}

/* Counts those that add_alike() has left. */
static __always_inline void finish_alike(struct connection *c, struct scratch *scratch)
{
	if (scratch->alike)
		count_requests(c, scratch->alike_number, scratch->alike_duration, scratch->alike);
	scratch->alike = 0;
}

/* Does each request of a connection that ends well have a record, or may have one? */
static __always_inline bool records_successes(const struct connection *c)
{
	return successes_wanted || !counting || recorded_protocols >> (c->protocol & 31) & 1;
}

/*
 * Counts the requests of a word, which end well now: together with others of this call that are
 * alike, as those of a pipeline are. finish_alike() follows before the call ends. Global, so
 * that it is verified once.
 */
__noinline int add_alike(struct connection *c, struct scratch *scratch, __u64 word, __u32 status,
			 __u64 now)
{
	__u64 duration = duration_since(word, now);
	__u32 number;

	if (!c || !scratch || !is_request(word))
		return 0;
	number = number_of(c, operation_of(word), status, ERROR_NONE);
	if (records_successes(c)) {
		finish(c, number, now, duration);
		return 0;
	}
	if (scratch->alike_number != number || scratch->alike_duration != duration) {
		finish_alike(c, scratch);
		scratch->alike_number = number;
		scratch->alike_duration = duration;
	}
	scratch->alike += requests_of(c, word);
	return 0;
}

int count_closed_sizes(struct connection *c, __u32 number); /* protocols/http_sizes.h */

/* Counts the request of a word, which ends now. */
static __always_inline void finish_word(struct connection *c, __u64 word, __u32 status,
					enum l7_error error, __u64 now)
{
	if (is_request(word))
		finish(c, number_of(c, operation_of(word), status, error), now,
		       duration_since(word, now));
}

/* Counts the request of a word whose response, the other one, came before it was seen. */
static __always_inline void finish_answered(struct connection *c, __u64 request, __u64 response)
{
	__u64 time = request & WORD_TIME, end = response & WORD_TIME;
	__u64 units = (end - time) & WORD_TIME, now = bpf_ktime_get_ns();

	now -= (((now >> 6) - end) & WORD_TIME) << 6;
	finish(c, number_of(c, operation_of(request), operation_of(response), ERROR_NONE), now,
	       units >> 45 ? 0 : units << 6);
}

/*
 * A request is whole, and waits for its response, unless that has come before. False when it cannot
 * be kept.
 */
static __always_inline bool add_request(struct connection *c, __u64 word)
{
	__u64 response = push_request(c, word);

	if (!is_request(word))
		return response != WORD_LOST;
	if (response == WORD_LOST)
		count_lost(c, REASON_MAP_FULL, 1);
	else if (response)
		finish_answered(c, word, response);
	return response != WORD_LOST;
}

/* Requests that are alike are whole, up to LONGEST_RUN of them (queue.h). */
__noinline int add_requests(struct connection *c, __u64 word, __u32 requests)
{
	__u32 n;

	if (!c)
		return 0;
	for (n = 0; n < LONGEST_RUN; n++) {
		__u64 response;
		bool is_run;

		if (n >= requests)
			break;
		is_run = may_wait(c, requests - n);
		response = push_request(c, is_run ? run_word(word, requests - n) : word);
		if (response == WORD_LOST)
			count_lost(c, REASON_MAP_FULL, 1);
		else if (response)
			finish_answered(c, word, response);
		else if (is_run)
			break;
	}
	return 0;
}

struct waiting {
	struct connection *c;
	__u64 now;
	__u32 error;   /* enum l7_error */
	bool has_loud; /* one that has a reply, and has not been answered, came before */
};

static long finish_next(__u32 index, struct waiting *waiting)
{
	struct connection *c = waiting->c;
	__u64 word;

	if (waiting_requests(c) <= 0)
		return 1;
	word = pop_request(c);
	if (is_quiet(c, word) && !waiting->has_loud) {
		/* It ended well: when, is not known. */
		finish(c, number_of(c, operation_of(word), STATUS_OK, ERROR_NONE), waiting->now, 0);
		return 0;
	}
	waiting->has_loud = true;
	finish_word(c, word, 0, waiting->error, waiting->now);
	if (sizes_wanted && c->protocol == PROTOCOL_HTTP && is_request(word))
		count_closed_sizes(c, number_of(c, operation_of(word), 0, waiting->error));
	return 0;
}

/* Of few bytes: the frame that it lies in is part of the longest chains of calls. */
struct losing {
	struct connection *c;
	__u64 lost;
};

static long lose_next(__u32 index, struct losing *losing)
{
	struct connection *c = losing->c;

	if (waiting_requests(c) <= 0)
		return 1;
	if (is_request(pop_request(c)))
		losing->lost++;
	return 0;
}

int end_streams(struct connection *c, __u64 now, __u32 error); /* streams.h */

/* Of AMQP: protocols/amqp_channels.h. */
int amqp_end_channels(struct connection *c, __u32 error, __u32 channel);
int amqp_lose(struct connection *c);
int amqp_lose_contents(struct connection *c);

/* The requests that wait will not be answered. */
static __always_inline void finish_waiting(struct connection *c, enum l7_error error, __u64 now)
{
	struct waiting waiting = { .c = c, .now = now, .error = error };

	if (c->protocol == PROTOCOL_HTTP2)
		end_streams(c, now, error);
	else if (c->protocol == PROTOCOL_AMQP)
		amqp_end_channels(c, error, 0);
	else if (waiting_requests(c) > 0)
		bpf_loop(MOST_WAITING, finish_next, &waiting, 0);
}

/*
 * What became of the requests that wait is not known, nor which requests the responses answered
 * that came before them. Returns how many there were.
 */
static __always_inline __u32 lose_waiting(struct connection *c)
{
	__s32 early = -waiting_requests(c);
	__u32 lost = 0;

	/* Those of DNS are in no order (dns_questions.h). */
	if (c->protocol == PROTOCOL_DNS) {
		lost = -early;
	} else if (c->protocol == PROTOCOL_HTTP2) {
		lost = end_streams(c, 0, ERROR_NONE);
	} else if (c->protocol == PROTOCOL_AMQP) {
		lost = amqp_lose(c) + amqp_lose_contents(c);
		early = 0;
	} else if (early < 0) {
		struct losing losing = { .c = c };

		bpf_loop(MOST_WAITING, lose_next, &losing, 0);
		lost = losing.lost;
	}
	__builtin_memset(c->slots, 0, sizeof(c->slots));
	*(volatile __u32 *)&c->requests = c->responses;
	return lost + (early > 0 ? early : 0);
}

/* Is a response under way, with this word, whose request has not been counted? */
static __always_inline bool is_answering(struct connection *c, __u64 word)
{
	if (word & TAG_RESPONSE)
		return !(pop_late_request(c) & TAG_HEAD);
	return word & TAG_REQUEST;
}

/* The protocol breaks off: what follows is skipped, until a request begins with a call. */
__noinline int desynchronize(struct connection *c, __u32 reason)
{
	__u32 responses, answering;

	if (!c)
		return 0;
	responses = c->role == ROLE_SERVER ? SENT : RECEIVED;
	answering = is_answering(c, c->directions[responses].word);
	count_lost(c, reason, lose_waiting(c) + answering);
	c->directions[RECEIVED] = (struct direction){ .next_seq = c->directions[RECEIVED].next_seq,
						      .mode = MODE_SYNC };
	c->directions[SENT] =
		(struct direction){ .next_seq = c->directions[SENT].next_seq, .mode = MODE_SYNC };
	c->sync_reason = reason;
	c->last_direction = ~0;
	return 0;
}

/*
 * The connection speaks another protocol, whose first message looked like a request of the one that
 * it was taken for: it counts as nothing that it is not. One that was joined late may still have a
 * request of its own.
 */
static __always_inline void reject_protocol(struct connection *c, bool is_late)
{
	lose_waiting(c);
	c->directions[RECEIVED] = (struct direction){ .next_seq = c->directions[RECEIVED].next_seq,
						      .mode = is_late ? MODE_SYNC : MODE_OPAQUE };
	c->directions[SENT] = (struct direction){ .next_seq = c->directions[SENT].next_seq,
						  .mode = is_late ? MODE_SYNC : MODE_OPAQUE };
	c->protocol = PROTOCOL_UNKNOWN;
	c->role = 0;
	c->state = 0;
	c->sync_reason = REASON_JOINED_LATE;
	c->last_direction = ~0;
}
