/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Kafka's responses: they come in the order of their requests, and have their correlation ids. */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "kafka_fields.h"
#include "kafka_state.h"

/* The bytes are not what the protocol says. */
__noinline int break_kafka(struct connection *c)
{
	if (!c)
		return 0;
	if (c->is_verified)
		desynchronize(c, REASON_MALFORMED);
	else
		reject_protocol(c, kafka_state(c)->is_late);
	return 0;
}

/*
 * Of the first response of a connection: true when it answers the first request. Where the
 * connection was joined late, others may come before it, which answer requests from before that.
 */
static __always_inline bool verify_kafka(struct connection *c, struct direction *d, __u32 id)
{
	struct kafka_state *state = kafka_state(c);

	if (state->has_first && id == state->first_id) {
		c->is_verified = 1;
		return true;
	}
	if (!state->earlier)
		return false;
	state->earlier--;
	d->flags |= KAFKA_EXTRA;
	return true;
}

/* The carry has the head of a response. False when there is none like it. */
static __always_inline bool begin_kafka_response(struct reader *r, struct direction *d)
{
	__u32 length = __builtin_bswap32(d->carry[0]), id = __builtin_bswap32(d->carry[0] >> 32);
	__u64 word = next_request(r->c);
	__u32 trait = trait_of(word);

	if (length < KAFKA_RESPONSE_HEAD - KAFKA_LENGTH || length >= KAFKA_LENGTH_MAX) {
		if (r->c->is_verified || !kafka_state(r->c)->is_late)
			return false;
		/* The connection was joined within a response. */
		consume(r, r->scratch->left);
		begin_kafka_message(d);
		return true;
	}
	d->left = length - (KAFKA_RESPONSE_HEAD - KAFKA_LENGTH);
	d->status = STATUS_OK;
	d->mode = KAFKA_REST;
	if (!r->c->is_verified && !verify_kafka(r->c, d, id))
		return false;
	/* Of a request that has not been seen yet, or could not be kept, nothing is known. */
	if (d->flags & KAFKA_EXTRA || !is_request(word))
		return true;
	if (trait >> KAFKA_ID_SHIFT != (id & KAFKA_ID_MASK))
		return false;
	if (!(trait & KAFKA_HAS_CODE))
		return true;
	d->flags |= trait & KAFKA_IS_THROTTLED;
	if (trait & KAFKA_HAS_TAGS)
		begin_kafka_field(d, 0, KAFKA_TAGS);
	else
		begin_kafka_body(d, false);
	return d->left;
}

/*
 * On a connection that was joined late, where a response may have been under way: does the first
 * one that answers a known request begin with this call? Whatever was read as messages before it
 * was none.
 */
__noinline int kafka_realign(struct connection *c, __u64 address, __u64 bytes, __u32 direction)
{
	struct kafka_state *state;
	__u64 word = 0;
	__u32 length;

	if (!c || c->is_verified || bytes < KAFKA_RESPONSE_HEAD || address <= CARRIED)
		return 0;
	state = kafka_state(c);
	if (!state->is_late || !state->has_first || direction == request_direction(c) ||
	    bpf_probe_read_user(&word, sizeof(word), (void *)address))
		return 0;
	length = __builtin_bswap32(word);
	if (length >= KAFKA_RESPONSE_HEAD - KAFKA_LENGTH && length < KAFKA_LENGTH_MAX &&
	    __builtin_bswap32(word >> 32) == state->first_id)
		begin_kafka_message(&c->directions[direction & 1]);
	return 0;
}

/* A response is whole. */
static __always_inline void end_kafka_response(struct reader *r, struct direction *d)
{
	__u64 now = now_of(r), word;

	if (d->flags & KAFKA_EXTRA) {
		count_lost(r->c, REASON_JOINED_LATE, 1);
		return;
	}
	word = pop_request(r->c);
	if (!word)
		word = push_response(r->c, now, d->status, 0);
	finish_word(r->c, word, d->status, ERROR_NONE, now);
}
