/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fields behind a message's head: acks of a request, and an error of a response. */
#pragma once

#include "../reader.h"
#include "kafka_state.h"

/* Most bytes of a varint of 32 bits. */
#define KAFKA_VARINT 5

/* The field that follows, behind so many bytes. */
static __always_inline void begin_kafka_field(struct direction *d, __u32 bytes,
					      enum kafka_field field)
{
	d->mode = KAFKA_FIELDS;
	d->elements = bytes;
	d->kind = field;
	d->carry[0] = 0;
	d->carry_len = 0;
}

/* What follows a head and its tagged fields. */
static __always_inline void begin_kafka_body(struct direction *d, bool is_request)
{
	bool is_flexible = d->flags & KAFKA_IS_FLEXIBLE;

	if (!is_request)
		begin_kafka_field(d, d->flags & KAFKA_IS_THROTTLED ? 4 : 0, KAFKA_NUMBER);
	else if (!(d->flags & KAFKA_IS_PRODUCE))
		d->mode = KAFKA_REST;
	else if (d->flags & KAFKA_IS_TRANSACTIONAL)
		begin_kafka_field(d, 0, is_flexible ? KAFKA_COMPACT_ID : KAFKA_ID);
	else
		begin_kafka_field(d, 0, KAFKA_NUMBER);
}

/* The next tagged field, behind so many bytes of this one; or what follows the last one. */
static __always_inline void next_kafka_tag(struct direction *d, __u32 bytes, bool is_request)
{
	if (d->carry[1]) {
		d->carry[1]--;
		begin_kafka_field(d, bytes, KAFKA_TAG);
		return;
	}
	begin_kafka_body(d, is_request);
	d->elements += bytes;
}

/* A number is whole. False when it cannot be one of its field's. */
static __always_inline bool end_kafka_field(struct direction *d, __u32 number, bool is_request)
{
	__s16 code = number;

	switch (d->kind) {
	case KAFKA_TAGS:
		d->carry[1] = number;
		next_kafka_tag(d, 0, is_request);
		return number <= d->left;
	case KAFKA_TAG:
		begin_kafka_field(d, 0, KAFKA_TAG_SIZE);
		return true;
	case KAFKA_TAG_SIZE:
		next_kafka_tag(d, number, is_request);
		return number <= d->left;
	case KAFKA_ID:
		begin_kafka_field(d, code > 0 ? code : 0, KAFKA_NUMBER);
		return code >= -1;
	case KAFKA_COMPACT_ID:
		begin_kafka_field(d, number ? number - 1 : 0, KAFKA_NUMBER);
		return number <= d->left;
	default: /* KAFKA_NUMBER */
		d->mode = KAFKA_REST;
		if (!is_request)
			d->status = kafka_status(code);
		else if (!code)
			d->flags |= KAFKA_IS_SILENT;
		/* All copies in step, the leader, or no one: acks is -1, 1 or 0. */
		return !is_request || (code >= -1 && code <= 1);
	}
}

/*
 * Takes a byte of a field. Negative when it cannot be one; 1 when another field, or what follows
 * the last one, begins behind it. Global, so that it is verified once.
 */
__noinline int kafka_field_byte(struct connection *c, __u32 direction, __u32 byte)
{
	bool is_request, is_whole;
	struct direction *d;
	__u32 number, length;

	if (!c)
		return -1;
	d = &c->directions[direction & 1];
	is_request = direction == request_direction(c);
	length = d->carry_len;
	number = d->carry[0];
	switch (d->kind) {
	case KAFKA_CLIENT:
		/* `carry[1]` of them. */
		if (byte < ' ' || byte > '~')
			return -1;
		if (--d->carry[1])
			return 0;
		if (d->flags & KAFKA_IS_FLEXIBLE)
			begin_kafka_field(d, 0, KAFKA_TAGS);
		else
			begin_kafka_body(d, is_request);
		return 1;
	case KAFKA_ID:
	case KAFKA_NUMBER:
		number = number << 8 | byte;
		is_whole = length == 1;
		break;
	default:
		if (length >= KAFKA_VARINT)
			return -1;
		number |= (byte & 0x7f) << (7 * length & 31);
		is_whole = !(byte & 0x80);
	}
	if (!is_whole) {
		d->carry[0] = number;
		d->carry_len = length + 1;
		return 0;
	}
	return end_kafka_field(d, number, is_request) ? 1 : -1;
}

/* Bytes of fields. False when they cannot be that. */
__noinline int kafka_fields(struct connection *c, struct scratch *scratch, __u32 index,
			    __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	int found = 0;
	__u32 n;

	if (!c || !scratch)
		return true;
	d = direction_of(&r);
	index &= WINDOW - 1;
	if (available > d->left)
		available = d->left;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || found)
			break;
		found = kafka_field_byte(c, scratch->direction, scratch->bytes[index + n]);
	}
	consume(&r, n);
	d->left -= n;
	if (found < 0 || d->elements > d->left)
		return false;
	return d->mode == KAFKA_REST || d->left;
}

/* Steps over bytes in front of a field. */
static __always_inline void pass_kafka_bytes(struct reader *r, struct direction *d)
{
	__u32 bytes = d->elements < r->scratch->left ? d->elements : r->scratch->left;

	d->elements -= bytes;
	d->left -= bytes;
	consume(r, bytes);
}
