/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kafka: messages with their length in front. A request says what it asks for by a key and a
 * version, on which depends what follows; a response says which request it answers, and no more.
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "../steps.h"
#include "kafka_begins.h"
#include "kafka_fields.h"
#include "kafka_responses.h"
#include "kafka_state.h"

/* The head of a request is whole, that of Produce with its acks: it waits, if it is answered. */
static __always_inline void add_kafka_request(struct connection *c, struct direction *d)
{
	if (d->flags & KAFKA_IS_SILENT)
		return;
	kafka_state(c)->has_first = 1;
	add_request(c, request_word(d->word, d->operation, d->status));
}

/*
 * May a connection begin with a request like this? With a name of its client in any case, or none:
 * zeros in place of it are other protocols', such as that of ZooKeeper.
 */
static __always_inline bool may_begin_kafka(const struct direction *d, __u32 key, __s16 client)
{
	return may_be_kafka(d->carry[0], 8) && client && client <= KAFKA_CLIENT_MAX &&
	       (client > 0 || key != KAFKA_PRODUCE);
}

/* The carry has the head of a request. False when there is none like it. */
static __always_inline bool begin_kafka_request(struct reader *r, struct direction *d)
{
	__u32 length = __builtin_bswap32(d->carry[0]), key = __builtin_bswap16(d->carry[0] >> 32);
	__u32 version = __builtin_bswap16(d->carry[0] >> 48), id = __builtin_bswap32(d->carry[1]);
	__s16 client = __builtin_bswap16(d->carry[1] >> 32);
	bool is_verified = r->c->is_verified;

	if (length < KAFKA_REQUEST_HEAD - KAFKA_LENGTH || length >= KAFKA_LENGTH_MAX ||
	    client < -1 || (!is_verified && !may_begin_kafka(d, key, client)))
		return false;
	d->left = length - (KAFKA_REQUEST_HEAD - KAFKA_LENGTH);
	d->operation = kafka_operation(key);
	d->status = kafka_trait(key, version) | (id & KAFKA_ID_MASK) << KAFKA_ID_SHIFT;
	if (!is_verified && !kafka_state(r->c)->has_first)
		kafka_state(r->c)->first_id = id;
	if (key == KAFKA_PRODUCE) {
		d->flags |= KAFKA_IS_PRODUCE;
		d->flags |= version >= KAFKA_FLEXIBLE_PRODUCE ? KAFKA_IS_FLEXIBLE : 0;
		d->flags |= version >= KAFKA_TRANSACTIONAL_PRODUCE ? KAFKA_IS_TRANSACTIONAL : 0;
	}
	if (client < 0)
		client = 0;
	if (client && !is_verified) {
		begin_kafka_field(d, 0, KAFKA_CLIENT);
		d->carry[1] = client;
	} else if (d->flags & KAFKA_IS_FLEXIBLE) {
		begin_kafka_field(d, client, KAFKA_TAGS);
	} else {
		begin_kafka_body(d, true);
		d->elements += client;
	}
	return d->elements <= d->left && (d->mode == KAFKA_REST || d->left);
}

/* The head of a message is in the carry. False when the protocol breaks off. */
__noinline int kafka_end_head(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return true;
	return is_of_requests(&r) ? begin_kafka_request(&r, direction_of(&r)) :
				    begin_kafka_response(&r, direction_of(&r));
}

/* Nothing but the rest of a message is left, or there is none. */
__noinline int kafka_end_fields(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };

	if (c && scratch && is_of_requests(&r))
		add_kafka_request(c, direction_of(&r));
	return 0;
}

/* A message is whole. */
__noinline int kafka_end_message(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	if (!is_of_requests(&r))
		end_kafka_response(&r, d);
	else if (d->flags & KAFKA_IS_SILENT)
		finish_word(c, request_word(d->word, d->operation, 0), STATUS_OK, ERROR_NONE,
			    now_of(&r));
	begin_kafka_message(d);
	return 0;
}

/* Bytes of a message's head. True when it is whole. */
__noinline int kafka_head(struct connection *c, struct scratch *scratch, __u32 index,
			  __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 n, known, more;
	struct direction *d;
	__u8 *bytes;

	if (!c || !scratch)
		return false;
	d = direction_of(&r);
	index &= WINDOW - 1;
	bytes = (__u8 *)d->carry;
	known = d->carry_len & 15;
	if (!known && is_of_requests(&r))
		d->word = now_of(&r);
	more = (is_of_requests(&r) ? KAFKA_REQUEST_HEAD : KAFKA_RESPONSE_HEAD) - known;
	for (n = 0; n < KAFKA_REQUEST_HEAD; n++) {
		if (n >= available || n >= more)
			break;
		bytes[(known + n) & 15] = scratch->bytes[index + n];
	}
	consume(&r, n);
	d->carry_len = known + n;
	return n >= more;
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long kafka_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0;
	bool is_well = true;
	int index;

	if (!r->scratch->left || take_rest(r, d))
		return 1;
	if (d->mode == KAFKA_REST) {
		step_over_left(r, d);
	} else if (d->mode == KAFKA_FIELDS && d->elements) {
		pass_kafka_bytes(r, d);
	} else {
		index = next_bytes(r, BEGINNING, &available, WINDOW);
		if (index < 0)
			return 0;
		if (d->mode == KAFKA_FIELDS)
			is_well = kafka_fields(r->c, r->scratch, index, available);
		else
			is_well = !kafka_head(r->c, r->scratch, index, available) ||
				  kafka_end_head(r->c, r->scratch);
		if (!is_well) {
			break_kafka(r->c);
			return 0;
		}
		if (d->mode == KAFKA_REST)
			kafka_end_fields(r->c, r->scratch);
	}
	if (d->mode == KAFKA_REST && !d->left)
		kafka_end_message(r->c, r->scratch);
	return 0;
}

__noinline int kafka_take(struct connection *c, struct scratch *scratch, __u64 address, __u64 bytes,
			  __u32 how)
{
	kafka_realign(c, address, bytes, how & 1);
	return take_by_steps(c, scratch, address, bytes, how, kafka_step);
}

static __always_inline bool kafka_needs_no_bytes(struct connection *c, __u32 direction, __u64 bytes)
{
	return lies_in_left(c, direction, KAFKA_REST, bytes) &&
	       !(c->directions[direction & 1].flags & KAFKA_EXTRA);
}

/* A direction carries nothing more. */
static __always_inline void kafka_end(struct connection *c, __u32 direction, __u64 now)
{
	struct direction *d = &c->directions[direction & 1];

	if (d->mode < KAFKA_HEAD)
		return;
	if (direction == request_direction(c)) {
		/* Its records are cut short. */
		if (d->flags & KAFKA_IS_SILENT)
			finish_word(c, request_word(d->word, d->operation, 0), 0,
				    c->is_reset ? ERROR_RESET : ERROR_CLOSED, now);
	} else if (!(d->flags & KAFKA_EXTRA) && (d->mode != KAFKA_HEAD || d->carry_len)) {
		finish_word(c, pop_request(c), d->mode == KAFKA_REST ? d->status : 0,
			    ERROR_TRUNCATED, now);
	}
	begin_kafka_message(d);
	d->mode = MODE_OPAQUE;
}
