/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * memcached (doc/protocol.txt and protocol_binary.h of memcached): text commands, meta commands
 * among them, are lines, and with some of them data follows, of as many bytes as the line says;
 * messages of the binary protocol have a header. Which of them a message is, its first byte tells.
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "../steps.h"
#include "memcached_begins.h"
#include "memcached_binary.h"
#include "memcached_replies.h"
#include "memcached_state.h"
#include "memcached_text.h"

/* Data, or a message of the binary protocol, is whole. */
__noinline int memcached_end_block(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	bool continues;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	continues = d->flags & MC_CONTINUES;
	if (is_of_requests(&r))
		end_silent_command(&r, d);
	else if (!continues && memcached_state(c)->is_binary && !(d->flags & MC_EXTRA))
		end_memcached_packet(c, d->kind, d->status, now_of(&r));
	else if (!continues && !(d->flags & MC_EXTRA))
		end_memcached_reply(c, d->status, now_of(&r));
	if (continues)
		begin_further_line(d);
	else
		begin_memcached_message(d);
	return 0;
}

/* The first bytes of a message. False when the protocol breaks off. */
static __always_inline bool step_first_of_memcached(struct reader *r, struct direction *d,
						    __u32 index, __u32 available)
{
	__u32 first = r->scratch->bytes[index], byte;

	if (d->carry_len)
		first = d->carry[0] & 0xff;
	else if (is_of_requests(r))
		d->word = now_of(r);
	if (first == MC_REQUEST || first == MC_RESPONSE)
		return !memcached_header(r->c, r->scratch, index, available) ||
		       memcached_end_header(r->c, r->scratch);
	byte = memcached_word(r->c, r->scratch, index, available);
	if (byte && !memcached_end_word(r->c, r->scratch, byte))
		return false;
	return byte != '\n' || memcached_end_line(r->c, r->scratch);
}

static __always_inline bool step_line_of_memcached(struct reader *r, __u32 index, __u32 available)
{
	__u32 offset = find_newline(r, index);

	if (offset >= available || offset == STRIDE) {
		consume(r, available < STRIDE ? available : STRIDE);
		return true;
	}
	consume(r, offset + 1);
	return memcached_end_line(r->c, r->scratch);
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long memcached_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0;
	bool is_well;
	int index;

	if (!r->scratch->left || take_rest(r, d))
		return 1;
	if (d->mode == MC_BLOCK) {
		step_over_left(r, d);
		if (!d->left)
			memcached_end_block(r->c, r->scratch);
		return 0;
	}
	index = next_bytes(r, BEGINNING, &available, WINDOW);
	if (index < 0)
		return 0;
	switch (d->mode) {
	case MC_FIRST:
		is_well = step_first_of_memcached(r, d, index, available);
		break;
	case MC_TOKENS:
		is_well = !memcached_tokens(r->c, r->scratch, index, available) ||
			  memcached_end_line(r->c, r->scratch);
		break;
	default:
		is_well = step_line_of_memcached(r, index, available);
	}
	if (!is_well)
		break_memcached(r->c);
	return 0;
}

__noinline int memcached_take(struct connection *c, struct scratch *scratch, __u64 address,
			      __u64 bytes, __u32 how)
{
	return take_by_steps(c, scratch, address, bytes, how, memcached_step);
}

static __always_inline bool memcached_needs_no_bytes(struct connection *c, __u32 direction,
						     __u64 bytes)
{
	return lies_in_left(c, direction, MC_BLOCK, bytes);
}

/* A direction carries nothing more. */
static __always_inline void memcached_end(struct connection *c, __u32 direction, __u64 now)
{
	struct direction *d = &c->directions[direction & 1];

	if (d->mode < MC_FIRST)
		return;
	if (direction == request_direction(c)) {
		/* Its data is cut short. */
		if (d->flags & MC_SILENT && d->mode == MC_BLOCK)
			finish_word(c, request_word(d->word, d->operation, 0), 0,
				    c->is_reset ? ERROR_RESET : ERROR_CLOSED, now);
	} else if (!(d->flags & MC_EXTRA) && (d->flags & MC_BEGUN || d->carry_len)) {
		finish_word(c, pop_request(c), d->status, ERROR_TRUNCATED, now);
	}
	begin_memcached_message(d);
	d->mode = MODE_OPAQUE;
}
