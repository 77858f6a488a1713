/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * MySQL's and MariaDB's protocol ("Client/Server Protocol" of both documentations): packets of a
 * length, a number, and as many bytes; a request is a command, which a client's packet of number 0
 * begins with. Its response is a packet, or several: how many, its command and they themselves
 * tell, so that nothing of what both ends have agreed on has to be known.
 */
#pragma once

#include "../reader.h"
#include "../steps.h"
#include "mysql_begins.h"
#include "mysql_requests.h"
#include "mysql_responses.h"
#include "mysql_state.h"
#include "sql.h"

/* A packet is whole. */
__noinline int mysql_end_packet(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	d->mode = MY_FIRST;
	if (d->flags & IS_CONTINUED)
		d->kind = is_of_requests(&r) ? d->kind : MY_NOTHING;
	else if (is_of_requests(&r))
		end_my_request(&r, d);
	else
		end_my_packet(&r, d);
	begin_sql(d);
	return 0;
}

/*
 * A packet begins with this header, and has this byte behind it. False when there is none like
 * it.
 */
__noinline int mysql_begin_packet(struct connection *c, struct scratch *scratch, __u64 word)
{
	__u32 length = word & MY_LENGTH_MAX, number = word >> 24 & 0xff, first = word >> 32 & 0xff;
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return false;
	if (is_of_requests(&r))
		return begin_my_request(&r, direction_of(&r), length, number, first);
	begin_my_packet(&r, direction_of(&r), length, number, length ? first : 0);
	return true;
}

/* The header of a packet and its first byte, or the rest of these. */
static __noinline bool step_header_of_my(struct reader *r, struct direction *d, __u32 index,
					 __u32 available)
{
	__u32 known = d->carry_len & 7, size = MY_HEADER, length, more, flags = d->flags;
	__u64 word = known ? d->carry[0] : 0;

	word |= load(r, index) << (8 * known);
	length = word & MY_LENGTH_MAX;
	/* An empty one has no first byte. */
	if (known + available >= 3)
		size += !!length;
	if (!known && is_of_requests(r) && !(flags & IS_CONTINUED))
		d->word = now_of(r);
	more = available < size - known ? available : size - known;
	consume(r, more);
	if (known + more < size) {
		d->carry[0] = lowest(word, known + more);
		d->carry_len = known + more;
		return true;
	}
	d->left = length - !!length;
	d->mode = MY_REST;
	d->flags = (flags & ~IS_CONTINUED) | (length == MY_LENGTH_MAX ? IS_CONTINUED : 0);
	if (flags & IS_CONTINUED)
		return true;
	begin_sql(d);
	return mysql_begin_packet(r->c, r->scratch, word);
}

/* Takes a byte of a number. True when it has as many as that. */
static __always_inline bool take_digit(struct direction *d, __u32 byte, __u32 wanted)
{
	__u8 *bytes = (__u8 *)d->carry, length = READ_ONCE(d->carry_len);

	bytes[length & 7] = byte;
	*(volatile __u8 *)&d->carry_len = length + 1;
	return length + 1 >= wanted;
}

/* Takes a byte of what has status flags. True when it is their last one. */
static __always_inline bool take_status(struct direction *d, __u32 byte)
{
	__u64 before = READ_ONCE(d->carry[1]);

	if (!before)
		return take_digit(d, byte, 2);
	/* Bytes, then numbers, each of which is its first byte or so many that follow. */
	if (before & 0xff)
		before--;
	else
		before = before - 0x100 +
			 (byte == 0xfc ? 2 :
			  byte == 0xfd ? 3 :
			  byte == 0xfe ? 8 :
					 0);
	*(volatile __u64 *)&d->carry[1] = before;
	return false;
}

/* Bytes of a packet that say something. */
__noinline int mysql_text(struct connection *c, struct scratch *scratch, __u32 index,
			  __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	bool is_end = false;
	__u32 n, mode, byte;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	mode = d->mode;
	index &= WINDOW - 1;
	if (statements_wanted && mode == MY_SQL && !d->status)
		take_statement(c, scratch, d->left, MY_TEXT);
	if (available > d->left)
		available = d->left;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || is_end)
			break;
		byte = scratch->bytes[index + n];
		if (mode == MY_SQL)
			is_end = take_sql(d, byte, true);
		else if (mode == MY_NUMBER)
			is_end = take_digit(d, byte, READ_ONCE(d->carry[1]));
		else
			is_end = take_status(d, byte);
	}
	consume(&r, n);
	d->left -= n;
	/* A statement ends with its packet, too. */
	if (!is_end && d->left)
		return 0;
	if (mode == MY_SQL)
		d->operation = sql_operation(d);
	else if (is_of_requests(&r))
		d->elements = d->carry[0];
	d->mode = MY_REST;
	return 0;
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long mysql_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0;
	int index;

	if (!r->scratch->left || take_rest(r, d))
		return 1;
	if (d->mode != MY_REST) {
		index = next_bytes(r, BEGINNING, &available, WINDOW);
		if (index < 0)
			return 0;
		if (d->mode != MY_FIRST) {
			mysql_text(r->c, r->scratch, index, available);
		} else if (!step_header_of_my(r, d, index, available)) {
			desynchronize(r->c, REASON_MALFORMED);
			return 0;
		}
	}
	if (d->mode == MY_REST)
		step_over_left(r, d);
	if (d->mode > MY_FIRST && !d->left)
		mysql_end_packet(r->c, r->scratch);
	return 0;
}

__noinline int mysql_take(struct connection *c, struct scratch *scratch, __u64 address, __u64 bytes,
			  __u32 how)
{
	return take_by_steps(c, scratch, address, bytes, how, mysql_step);
}

static __always_inline bool mysql_needs_no_bytes(struct connection *c, __u32 direction, __u64 bytes)
{
	return lies_in_left(c, direction, MY_REST, bytes);
}

/* A response that has begun is cut short. */
static __always_inline void mysql_end(struct connection *c, __u32 direction, __u64 now)
{
	struct direction *d = &c->directions[direction & 1];

	if (direction == request_direction(c) || d->mode < MY_FIRST)
		return;
	if (d->flags || d->mode != MY_FIRST || d->carry_len)
		finish_word(c, pop_request(c), 0, ERROR_TRUNCATED, now);
	d->flags = 0;
	d->mode = MODE_OPAQUE;
}
