/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * AMQP 0-9-1 (amqp0-9-1.pdf of the AMQP working group, and RabbitMQ's extensions): frames of a
 * type, a channel, a size, as many bytes, and one that ends it. A method is a frame; behind some of
 * them follow the frames of a content: its head, which says how many bytes it has, and these.
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "../steps.h"
#include "amqp_channels.h"
#include "amqp_state.h"

/*
 * Of a direction: `elements` has the channel of a frame, from bit 16 on the bytes of a string that
 * are to come, from bit 24 on the strings behind it.
 */
#define AMQP_SKIPPED_SHIFT 16
#define AMQP_STRINGS_SHIFT 24

/* Does a connection begin so? */
static __always_inline enum beginning amqp_begins(__u64 word, __u32 known)
{
	if (lowest(word, known) != lowest(AMQP_OPENING, known))
		return BEGINS_NOT;
	return known >= 8 ? BEGINS_REQUEST : MAY_BEGIN;
}

static __always_inline void begin_amqp_frame(struct direction *d)
{
	begin_message_in(d, AMQP_FRAME);
}

static __always_inline __u32 amqp_channel(const struct direction *d)
{
	return d->elements & 0xffff;
}

/* Are requests followed? They are when their answers are. */
static __always_inline bool are_answers_followed(const struct connection *c)
{
	return c->directions[!request_direction(c)].mode != MODE_SYNC;
}

/* In place of a channel: the place of no content. */
#define AMQP_NO_CHANNEL 0x10000

/* The place of a channel's content in a direction; AMQP_CONTENTS for none. */
__noinline int amqp_content_of(struct connection *c, __u32 direction, __u32 channel)
{
	const struct amqp_content *content;
	__u32 n;

	if (!c)
		return AMQP_CONTENTS;
	for (n = 0; n < AMQP_CONTENTS; n++) {
		content = &amqp_of(c)->contents[direction & 1][n];
		if (channel == AMQP_NO_CHANNEL ? !content->word :
						 content->word && content->channel == channel)
			return n;
	}
	return AMQP_CONTENTS;
}

/* A method is whole behind which a content follows. */
static __always_inline void begin_content(struct reader *r, struct direction *d)
{
	__u32 direction = r->scratch->direction & 1;
	__u32 n = amqp_content_of(r->c, direction, amqp_channel(d));
	struct amqp_content *content;

	/* One that has not ended will not. */
	if (n >= AMQP_CONTENTS)
		n = amqp_content_of(r->c, direction, AMQP_NO_CHANNEL);
	if (n >= AMQP_CONTENTS) {
		if (d->operation != AMQP_GET_OK)
			count_lost(r->c, REASON_MAP_FULL, 1);
		return;
	}
	content = &amqp_of(r->c)->contents[direction][n];
	content->word = request_word(d->word, d->operation, 0);
	content->left = 0;
	content->channel = amqp_channel(d);
	content->status = d->status;
	content->has_head = 0;
}

/* Counts a message that has no answer. */
static __always_inline void finish_told(struct reader *r, __u64 word, __u32 status)
{
	finish_word(r->c, word, status ? status : STATUS_OK, ERROR_NONE, now_of(r));
}

/* A request is whole. */
static __always_inline void add_amqp_request(struct reader *r, __u32 channel, __u64 word)
{
	__u64 answer;

	if (!are_answers_followed(r->c))
		return;
	answer = amqp_push(r->c, channel, word);
	if (answer == WORD_LOST) {
		amqp_state(r->c)->strays = STRAYS_IGNORED;
		count_lost(r->c, REASON_MAP_FULL, 1);
	} else if (answer) {
		finish_answered(r->c, word, with_operation(answer, STATUS_OK));
	}
}

/* A message has been published. */
static __always_inline void end_published(struct reader *r, __u32 channel, __u64 word)
{
	__u64 answer = WORD_UNCONFIRMED;

	if (amqp_of(r->c)->confirms)
		answer = amqp_publish(r->c, channel, word);
	if (answer == WORD_UNCONFIRMED)
		finish_told(r, word, STATUS_OK);
	else if (answer == WORD_LOST)
		count_lost(r->c, REASON_MAP_FULL, 1);
	else if (answer)
		finish_answered(r->c, word, answer);
}

/* A request is answered. False when the answer is to none that there may be. */
static __always_inline bool end_amqp_answer(struct reader *r, __u32 channel, __u32 answer)
{
	__u32 operation = amqp_request_of(answer), strays = amqp_state(r->c)->strays;
	__u64 word = amqp_pop(r->c, channel, operation);

	if ((!word || word == WORD_MISMATCH) && strays == STRAYS_LATE)
		count_lost(r->c, REASON_JOINED_LATE, 1);
	if (word == WORD_MISMATCH)
		return strays != STRAYS_EARLY;
	if (!word && strays == STRAYS_EARLY)
		word = amqp_leave(r->c, channel, operation, now_of(r));
	finish_word(r->c, word, STATUS_OK, ERROR_NONE, now_of(r));
	return true;
}

/* A content is whole. */
static __always_inline bool end_content(struct reader *r, struct amqp_content *content)
{
	__u64 word = content->word;

	content->word = 0;
	if (is_of_requests(r))
		end_published(r, content->channel, word);
	else if (operation_of(word) == AMQP_GET_OK)
		return end_amqp_answer(r, content->channel, AMQP_GET_OK);
	else
		finish_told(r, word, content->status);
	return true;
}

/* A frame of a content is whole. */
static __always_inline bool end_amqp_content_frame(struct reader *r, struct direction *d)
{
	__u32 direction = r->scratch->direction & 1;
	__u32 n = amqp_content_of(r->c, direction, amqp_channel(d));
	struct amqp_content *content;

	/* Of one whose method was not seen, or that could not be kept. */
	if (n >= AMQP_CONTENTS)
		return true;
	content = &amqp_of(r->c)->contents[direction][n];
	if (d->kind == AMQP_HEADER) {
		if (content->has_head)
			return false;
		content->has_head = 1;
		content->left = __builtin_bswap64(d->carry[0] >> 32 | d->carry[1] << 32);
	} else {
		if (!content->has_head || d->carry[0] > content->left)
			return false;
		content->left -= d->carry[0];
	}
	return content->left || end_content(r, content);
}

/* A client's method is whole. */
static __always_inline void end_method_of_client(struct reader *r, struct direction *d)
{
	__u64 word = request_word(d->word, d->operation, 0);
	__u32 method = amqp_method(d->operation), channel = amqp_channel(d);

	switch (by_client(method)) {
	case CLIENT_ASKS:
		if (d->operation == AMQP_CONFIRM_SELECT && are_answers_followed(r->c))
			amqp_begin_confirms(r->c, channel);
		if (d->flags & AMQP_NO_WAIT)
			finish_told(r, word, STATUS_OK);
		else
			add_amqp_request(r, channel, word);
		break;
	case CLIENT_TELLS:
		if (has_content(method))
			begin_content(r, d);
		else
			finish_told(r, word, STATUS_OK);
		break;
	case CLIENT_ANSWERS:
		/* The channel has been closed by the server, which has left out what followed. */
		if (d->operation == AMQP_CHANNEL_CLOSE_OK && channel &&
		    !amqp_waits(r->c, channel, AMQP_CHANNEL_CLOSE))
			amqp_end_channels(r->c, ERROR_ABORTED, channel);
		break;
	default:
		break;
	}
}

/* The server closes a channel, or the connection, since a method has failed. */
static __always_inline void end_close_of_server(struct reader *r, struct direction *d)
{
	__u32 channel = amqp_channel(d), failed = amqp_operation(d->carry[0]);
	__u64 word;

	word = failed ? amqp_pop(r->c, channel ? channel : amqp_of(r->c)->last_channel, failed) : 0;
	if (!is_request(word))
		word = request_word(d->word, d->operation, 0);
	finish_told(r, word, d->status);
}

/* A server confirms what was published. Apart, for the stack that it takes. */
__noinline int amqp_confirmed(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	amqp_confirm(c, amqp_channel(d), __builtin_bswap64(d->carry[0]), d->carry[1] & 1,
		     d->operation == AMQP_NACK_METHOD ? STATUS_NACK : STATUS_OK, now_of(&r));
	return 0;
}

/* A server's method is whole. False when it is no answer that there may be. */
static __always_inline bool end_method_of_server(struct reader *r, struct direction *d)
{
	__u32 method = amqp_method(d->operation), channel = amqp_channel(d);

	switch (by_server(method)) {
	case SERVER_ANSWERS:
		if (has_content(method))
			begin_content(r, d);
		else if (!end_amqp_answer(r, channel, d->operation))
			return false;
		if (d->operation == AMQP_CHANNEL_CLOSE_OK && channel)
			amqp_end_channels(r->c, ERROR_CLOSED, channel);
		break;
	case SERVER_TELLS:
		if (has_content(method))
			begin_content(r, d);
		else
			finish_told(r, request_word(d->word, d->operation, 0), d->status);
		break;
	case SERVER_CONFIRMS:
		if (amqp_of(r->c)->confirms)
			amqp_confirmed(r->c, r->scratch);
		break;
	case SERVER_CLOSES:
		end_close_of_server(r, d);
		break;
	default:
		break;
	}
	return true;
}

/* Two functions, so that neither takes much stack. False when the protocol breaks off. */
__noinline int amqp_end_of_client(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return true;
	d = direction_of(&r);
	if (d->kind == AMQP_HEADER || d->kind == AMQP_BODY)
		return end_amqp_content_frame(&r, d);
	if (d->kind == AMQP_METHOD)
		end_method_of_client(&r, d);
	return true;
}

__noinline int amqp_end_of_server(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return true;
	d = direction_of(&r);
	if (d->kind == AMQP_HEADER || d->kind == AMQP_BODY)
		return end_amqp_content_frame(&r, d);
	return d->kind != AMQP_METHOD || end_method_of_server(&r, d);
}

/* The carry has a frame's header. False when it is none. */
static __always_inline bool take_amqp_header(struct direction *d)
{
	__u64 word = d->carry[0];
	__u32 type = word & 0xff, size = __builtin_bswap32(word >> 24), least;

	if (word == AMQP_OPENING) {
		begin_amqp_frame(d);
		return true;
	}
	switch (type) {
	case AMQP_METHOD:
		least = AMQP_IDS;
		break;
	case AMQP_HEADER:
		least = AMQP_CONTENT;
		break;
	case AMQP_BODY:
	case AMQP_HEARTBEAT:
		least = 0;
		break;
	default:
		return false;
	}
	if (size < least || size > AMQP_SIZE_MAX)
		return false;
	d->kind = type;
	d->left = size;
	d->elements = __builtin_bswap16(word >> 8);
	d->mode = least ? AMQP_HEAD : AMQP_REST;
	d->carry[0] = size;
	d->carry_len = 0;
	if (least)
		d->carry[0] = 0;
	return true;
}

/* What follows in a method behind its ids, or what is in this mode. */
static __always_inline __u32 amqp_mode_behind(struct direction *d, __u32 mode)
{
	__u32 method = amqp_method(d->operation);

	if (mode < AMQP_FIXED && fixed_of(method))
		return AMQP_FIXED;
	if (mode < AMQP_STRINGS && strings_of(method)) {
		d->elements |= strings_of(method) << AMQP_STRINGS_SHIFT;
		return AMQP_STRINGS;
	}
	return mode < AMQP_TAIL && tail_of(method) ? AMQP_TAIL : AMQP_REST;
}

/* How many bytes the carry takes in a mode. */
static __always_inline __u32 amqp_wanted(const struct direction *d)
{
	__u32 method = amqp_method(d->operation);

	switch (d->mode) {
	case AMQP_FRAME:
		return AMQP_FRAME_HEADER;
	case AMQP_HEAD:
		return d->kind == AMQP_HEADER ? AMQP_CONTENT : AMQP_IDS;
	case AMQP_FIXED:
		return fixed_of(method) == FIXED_TAG ? 9 : 2;
	default:
		return tail_of(method) == TAIL_IDS ? 4 : 1;
	}
}

/*
 * The carry has what a mode wants. False when the bytes are not what the protocol says. Global, so
 * that it is verified once.
 */
__noinline int amqp_end_piece(struct connection *c, __u32 direction)
{
	struct direction *d;
	__u32 method, mode;

	if (!c)
		return true;
	d = &c->directions[direction & 1];
	method = amqp_method(d->operation);
	mode = d->mode;
	switch (mode) {
	case AMQP_FRAME:
		return take_amqp_header(d);
	case AMQP_HEAD:
		if (d->kind == AMQP_HEADER) {
			d->mode = AMQP_REST;
			return true;
		}
		d->operation = amqp_operation(d->carry[0]);
		break;
	case AMQP_FIXED:
		if (fixed_of(method) == FIXED_TAG) {
			d->mode = AMQP_REST;
			return true;
		}
		d->status = amqp_status(__builtin_bswap16(d->carry[0]));
		break;
	default:
		if (tail_of(method) == TAIL_BITS && d->carry[0] >> no_wait_bit_of(method) & 1)
			d->flags |= AMQP_NO_WAIT;
		d->mode = AMQP_REST;
		return true;
	}
	d->mode = amqp_mode_behind(d, mode);
	d->carry[0] = 0;
	d->carry[1] = 0;
	d->carry_len = 0;
	return true;
}

/* Bytes that the carry takes. False when they are not what the protocol says. */
__noinline int amqp_piece(struct connection *c, struct scratch *scratch, __u32 index,
			  __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 n, known, wanted;
	struct direction *d;
	__u8 *bytes;

	if (!c || !scratch)
		return true;
	d = direction_of(&r);
	index &= WINDOW - 1;
	known = d->carry_len & 15;
	if (d->mode == AMQP_FRAME && !known)
		d->word = now_of(&r);
	wanted = amqp_wanted(d);
	if (d->mode == AMQP_FRAME && (known ? d->carry[0] & 0xff : scratch->bytes[index]) == 'A')
		wanted = 8;
	if (!known && available >= wanted) {
		d->carry[0] = lowest(load(&r, index), wanted);
		d->carry[1] = wanted > 8 ? lowest(load(&r, index + 8), wanted - 8) : 0;
		n = wanted;
	} else {
		bytes = (__u8 *)d->carry;
		for (n = 0; n < AMQP_CONTENT; n++) {
			if (n >= available || known + n >= wanted)
				break;
			bytes[(known + n) & 15] = scratch->bytes[index + n];
		}
	}
	n = unbounded(n, wanted);
	consume(&r, n);
	if (d->mode != AMQP_FRAME) {
		/* A frame that is too short says nothing more. */
		if (d->left < n)
			return false;
		d->left -= n;
	}
	d->carry_len = known + n;
	return known + n < wanted || amqp_end_piece(c, scratch->direction);
}

/* Bytes of short strings, each behind its length. */
__noinline int amqp_strings(struct connection *c, struct scratch *scratch, __u32 index,
			    __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 skipped, strings, bytes;
	struct direction *d;

	if (!c || !scratch)
		return true;
	d = direction_of(&r);
	skipped = d->elements >> AMQP_SKIPPED_SHIFT & 0xff;
	strings = d->elements >> AMQP_STRINGS_SHIFT;
	if (skipped) {
		bytes = skipped < available ? skipped : available;
		skipped -= bytes;
	} else {
		bytes = 1;
		skipped = scratch->bytes[index & (WINDOW - 1)];
		strings--;
	}
	consume(&r, bytes);
	if (d->left < bytes)
		return false;
	d->left -= bytes;
	d->elements = (d->elements & 0xffff) | skipped << AMQP_SKIPPED_SHIFT |
		      strings << AMQP_STRINGS_SHIFT;
	if (!skipped && !strings)
		d->mode = amqp_mode_behind(d, AMQP_STRINGS);
	return true;
}

/* A frame's last byte. False when it is not one, or the frame is not what may come. */
static __always_inline bool end_amqp_frame(struct reader *r, struct direction *d, __u32 index)
{
	bool is_well = r->scratch->bytes[index] == AMQP_LAST_BYTE;

	consume(r, 1);
	if (!is_well)
		return false;
	is_well = is_of_requests(r) ? amqp_end_of_client(r->c, r->scratch) :
				      amqp_end_of_server(r->c, r->scratch);
	begin_amqp_frame(d);
	return is_well;
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long amqp_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0;
	bool is_well;
	int index;

	if (!r->scratch->left || take_rest(r, d))
		return 1;
	if (d->mode == AMQP_REST) {
		step_over_left(r, d);
		if (!d->left)
			d->mode = AMQP_END;
		return 0;
	}
	index = next_bytes(r, BEGINNING, &available, WINDOW);
	if (index < 0)
		return 0;
	if (d->mode == AMQP_END)
		is_well = end_amqp_frame(r, d, index);
	else if (d->mode == AMQP_STRINGS)
		is_well = amqp_strings(r->c, r->scratch, index, available);
	else
		is_well = amqp_piece(r->c, r->scratch, index, available);
	if (!is_well)
		desynchronize(r->c, REASON_MALFORMED);
	return 0;
}

__noinline int amqp_take(struct connection *c, struct scratch *scratch, __u64 address, __u64 bytes,
			 __u32 how)
{
	return take_by_steps(c, scratch, address, bytes, how, amqp_step);
}

static __always_inline bool amqp_needs_no_bytes(struct connection *c, __u32 direction, __u64 bytes)
{
	return lies_in_left(c, direction, AMQP_REST, bytes);
}

/*
 * A direction carries nothing more: what becomes of the content at this place, or, behind the last
 * one, of the answer whose method has come in part. Global, so that it is verified once.
 */
__noinline int amqp_cut(struct connection *c, __u32 direction, __u32 n, __u64 now)
{
	struct amqp_content *content;
	enum l7_error error = ERROR_TRUNCATED;
	const struct direction *d;
	__u32 channel, answer;
	__u64 word = 0;

	if (!c)
		return 0;
	d = &c->directions[direction & 1];
	channel = amqp_channel(d);
	answer = d->kind == AMQP_METHOD ? d->operation : 0;
	if (direction == request_direction(c)) {
		error = c->is_reset ? ERROR_RESET : ERROR_CLOSED;
		answer = 0;
	}
	if (n < AMQP_CONTENTS) {
		content = &amqp_of(c)->contents[direction & 1][n];
		word = content->word;
		content->word = 0;
		channel = content->channel;
		answer = operation_of(word) == AMQP_GET_OK ? AMQP_GET_OK : 0;
	}
	if (by_server(amqp_method(answer)) == SERVER_ANSWERS)
		word = amqp_pop(c, channel, amqp_request_of(answer));
	finish_word(c, word, 0, error, now);
	return 0;
}

static __always_inline void amqp_end(struct connection *c, __u32 direction, __u64 now)
{
	struct direction *d = &c->directions[direction & 1];
	__u32 n;

	if (d->mode < AMQP_FRAME)
		return;
	for (n = 0; n <= AMQP_CONTENTS; n++)
		amqp_cut(c, direction, n, now);
	begin_amqp_frame(d);
	d->mode = MODE_OPAQUE;
}
