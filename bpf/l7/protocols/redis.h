/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Redis, its protocol RESP in its versions 2 and 3 (redis.io, "Redis serialization protocol"): a
 * message is an element, which may announce others; each is a line, and of a string as many bytes
 * as its line says. A step takes one element, or as much of it as there is.
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "../steps.h"
#include "../words.h"
#include "redis_state.h"
#include "redis_whole.h"

/*
 * Does a connection begin so: with an array of strings, or PING as a line? The first element of an
 * array has its length behind a `$`.
 */
__noinline int redis_begins(__u64 word, __u32 known)
{
	const __u64 ping = BYTES8('P', 'I', 'N', 'G', 0, 0, 0, 0);
	__u32 n, byte, last = 0;

	if (lowest(upper_case(word), known < 4 ? known : 4) == lowest(ping, known)) {
		byte = word >> 32 & 0xff;
		if (known <= 4)
			return MAY_BEGIN;
		return byte == '\r' || byte == '\n' ? BEGINS_REQUEST : BEGINS_NOT;
	}
	for (n = 0; n < 8; n++) {
		if (n >= known)
			return MAY_BEGIN;
		byte = word >> (8 * n) & 0xff;
		switch (last) {
		case 0:
			if (byte != '*')
				return BEGINS_NOT;
			break;
		case '*':
			if (byte < '1' || byte > '9')
				return BEGINS_NOT;
			break;
		case '\r':
			if (byte != '\n')
				return BEGINS_NOT;
			break;
		case '\n':
			return byte == '$' ? BEGINS_REQUEST : BEGINS_NOT;
		default:
			if (byte != '\r' && (byte < '0' || byte > '9'))
				return BEGINS_NOT;
		}
		last = byte;
	}
	return BEGINS_REQUEST;
}

/*
 * Does a command begin with these first bytes of a call? Replies may be arrays of strings too; so
 * the first one has to be a command's name.
 */
__noinline int redis_resumes(struct scratch *scratch, __u32 known)
{
	const __u8 *bytes;
	__u64 elements, length, low, high;
	__u32 at, more;

	if (!scratch || known < 2 * 8 || known > OPENING)
		return BEGINS_NOT;
	bytes = scratch->bytes;
	if (bytes[0] != '*')
		return BEGINS_NOT;
	at = read_number(*(const __u64 *)&bytes[1], &elements);
	if (!at || at > 6 || !elements || bytes[at + 2] != '$')
		return BEGINS_NOT;
	more = read_number(*(const __u64 *)&bytes[at + 3], &length);
	if (!more || more > 3 || length > WORD_LEN || at + more + 4 + length > known)
		return BEGINS_NOT;
	at = at + more + 4;
	low = upper_case(lowest(*(const __u64 *)&bytes[at & 15], length));
	high = length > 8 ? upper_case(lowest(*(const __u64 *)&bytes[(at & 15) + 8], length - 8)) :
			    0;
	return number_of_word(redis_words, low, high) ? BEGINS_REQUEST : BEGINS_NOT;
}

static __always_inline void begin_redis_message(struct direction *d)
{
	begin_message_in(d, REDIS_FIRST);
}

/* A command is whole. */
static __always_inline void end_command(struct reader *r, struct direction *d)
{
	struct redis_state *state = redis_state(r->c);
	__u64 word = request_word(d->word, d->operation, d->kind);
	bool is_silent = state->silence != SILENCE_NONE;

	if (state->silence == SILENCE_NEXT)
		state->silence = SILENCE_NONE;
	if (d->status && !(d->status == 1 + SILENCE_NEXT && state->silence == SILENCE_ALL)) {
		state->silence = d->status - 1;
		is_silent = state->silence != SILENCE_NONE;
	}
	if (is_silent && !(d->flags & IS_REFUSED))
		finish_word(r->c, word, STATUS_OK, ERROR_NONE, now_of(r));
	else if (!(d->flags & IS_REFUSED))
		add_request(r->c, word);
	begin_redis_message(d);
}

/* The carry has a command's name. */
static __always_inline void take_name_of_command(struct reader *r, struct direction *d,
						 __u32 arguments)
{
	__u64 low = upper_case(d->carry[0]), high = upper_case(d->carry[1]);

	d->operation = number_of_word(redis_words, low, high);
	d->kind = trait_of_name(low, high, arguments);
	if (d->kind)
		redis_state(r->c)->has_trait = 1;
	if (d->kind == REDIS_RESET)
		d->status = 1 + SILENCE_NONE;
	d->flags &= ~IN_NAME;
	if (low == BYTES8('C', 'L', 'I', 'E', 'N', 'T', 0, 0))
		d->flags |= IN_CLIENT;
}

/* The carry has a string of a command that says more than a value. */
static __always_inline void end_text_of_command(struct reader *r, struct direction *d)
{
	__u64 low = upper_case(d->carry[0]);

	if (d->flags & IN_NAME) {
		take_name_of_command(r, d, d->elements - 1);
	} else if (d->flags & IN_CLIENT) {
		d->flags &= ~IN_CLIENT;
		if (low == BYTES8('R', 'E', 'P', 'L', 'Y', 0, 0, 0))
			d->flags |= IN_REPLY;
	} else if (d->flags & IN_REPLY) {
		d->flags &= ~IN_REPLY;
		if (low == BYTES8('O', 'N', 0, 0, 0, 0, 0, 0))
			d->status = 1 + SILENCE_NONE;
		else if (low == BYTES8('S', 'K', 'I', 'P', 0, 0, 0, 0))
			d->status = 1 + SILENCE_NEXT;
		else if (low == BYTES8('O', 'F', 'F', 0, 0, 0, 0, 0))
			d->status = 1 + SILENCE_ALL;
	}
}

/* Errors may come before the command they answer is whole: the connection ends then. */
static __always_inline __u64 refused_command(struct connection *c)
{
	struct direction *commands = &c->directions[request_direction(c) & 1];

	if (commands->mode < REDIS_FIRST ||
	    (commands->mode == REDIS_FIRST && !commands->elements) || commands->flags & IS_REFUSED)
		return 0;
	commands->flags |= IS_REFUSED;
	return request_word(commands->word, commands->operation, REDIS_PLAIN);
}

/* A reply to this request's word ends: what follows it? */
static __always_inline void end_trait(struct reader *r, struct direction *d, __u64 word)
{
	struct redis_state *state = redis_state(r->c);
	__u32 trait = trait_of(word);

	if (!(d->flags & IS_ACK))
		state->acks = 0;
	else if (trait >= REDIS_SUBSCRIBE)
		state->acks = trait - REDIS_SUBSCRIBE;
	if (d->status > STATUS_OK)
		return;
	if (trait == REDIS_MONITOR) {
		state->is_monitor = 1;
	} else if (trait == REDIS_RESET) {
		state->is_monitor = 0;
		state->subscribed = 0;
	} else if (trait == REDIS_SYNC) {
		r->c->is_tunnel = 1;
	}
}

/*
 * Does the next request wait for an acknowledgement that this reply is not? That came as a push,
 * before the request was seen.
 */
static __always_inline bool is_acknowledged(struct connection *c, struct direction *d)
{
	return redis_state(c)->has_trait && !(d->flags & (IS_ACK | IS_SIMPLE)) &&
	       trait_of(next_request(c)) >= REDIS_SUBSCRIBE;
}

/* A reply is whole. */
static __always_inline void end_reply(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	__u64 word;

	if (!d->status)
		d->status = STATUS_OK;
	if (!(d->flags & IS_PUSH)) {
		if (is_acknowledged(c, d))
			finish_word(c, pop_request(c), STATUS_OK, ERROR_NONE, now_of(r));
		word = pop_request(c);
		if (!word && d->status > STATUS_OK)
			word = refused_command(c);
		if (!word)
			word = push_response(c, now_of(r), d->status, 0);
		finish_word(c, word, d->status, ERROR_NONE, now_of(r));
		if (redis_state(c)->has_trait)
			end_trait(r, d, word);
	}
	begin_redis_message(d);
	if (c->is_tunnel)
		d->mode = MODE_OPAQUE;
}

/* Global, as others here, so that it is verified once. */
__noinline int redis_end_message(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return 0;
	if (is_of_requests(&r))
		end_command(&r, direction_of(&r));
	else
		end_reply(&r, direction_of(&r));
	return 0;
}

static __always_inline void end_element(struct reader *r, struct direction *d)
{
	d->mode = REDIS_FIRST;
	d->carry_len = 0;
	if (!--d->elements)
		redis_end_message(r->c, r->scratch);
}

static __always_inline void end_line(struct reader *r, struct direction *d)
{
	if (is_of_requests(r))
		redis_end_message(r->c, r->scratch);
	else
		end_element(r, d);
}

/*
 * The carry has the first string of an array, which may be a push: of RESP2 only when the client
 * has subscribed; and what answers a command that subscribes is one by its look alone.
 */
static __always_inline void end_text_of_reply(struct reader *r, struct direction *d)
{
	struct redis_state *state = redis_state(r->c);
	__u64 low = d->carry[0], high = d->carry[1], next = next_request(r->c);
	bool is_message = false, is_ack = false, is_end = false, is_sharded = false;

	d->flags &= ~IN_PUSH;
	switch (low) {
	case BYTES8('m', 'e', 's', 's', 'a', 'g', 'e', 0):
	case BYTES8('p', 'm', 'e', 's', 's', 'a', 'g', 'e'):
	case BYTES8('s', 'm', 'e', 's', 's', 'a', 'g', 'e'):
		is_message = !high;
		break;
	case BYTES8('s', 's', 'u', 'b', 's', 'c', 'r', 'i'):
		is_sharded = true;
		is_ack = high == BYTES8('b', 'e', 0, 0, 0, 0, 0, 0);
		break;
	case BYTES8('p', 's', 'u', 'b', 's', 'c', 'r', 'i'):
		is_ack = high == BYTES8('b', 'e', 0, 0, 0, 0, 0, 0);
		break;
	case BYTES8('s', 'u', 'b', 's', 'c', 'r', 'i', 'b'):
		is_ack = high == 'e';
		break;
	case BYTES8('u', 'n', 's', 'u', 'b', 's', 'c', 'r'):
		is_ack = is_end = high == BYTES8('i', 'b', 'e', 0, 0, 0, 0, 0);
		break;
	case BYTES8('s', 'u', 'n', 's', 'u', 'b', 's', 'c'):
		is_sharded = true;
		is_ack = is_end = high == BYTES8('r', 'i', 'b', 'e', 0, 0, 0, 0);
		break;
	case BYTES8('p', 'u', 'n', 's', 'u', 'b', 's', 'c'):
		is_ack = is_end = high == BYTES8('r', 'i', 'b', 'e', 0, 0, 0, 0);
		break;
	}
	if (is_message && state->subscribed)
		d->flags |= IS_PUSH;
	if (!is_ack)
		return;
	if (state->acks && state->acks != ANY_ACKS) {
		d->flags |= IS_PUSH;
		state->acks--;
	} else if (trait_of(next) >= REDIS_SUBSCRIBE) {
		d->flags &= ~IS_PUSH;
	} else if (state->acks || state->subscribed) {
		d->flags |= IS_PUSH;
	} else if (next || is_end) {
		return;
	}
	d->flags |= IS_ACK | (is_sharded ? IS_SHARDED : 0);
}

__noinline int redis_end_text(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	if (is_of_requests(&r))
		end_text_of_command(&r, d);
	else
		end_text_of_reply(&r, d);
	d->mode = REDIS_STRING;
	d->carry[0] = 0;
	d->carry[1] = 0;
	d->carry_len = 0;
	return 0;
}

static __always_inline void begin_string(struct direction *d, __u8 wanted)
{
	d->mode = REDIS_STRING;
	if (d->flags & wanted) {
		if (d->left <= WORD_LEN)
			d->mode = REDIS_TEXT;
		else
			d->flags &= ~wanted;
	}
	d->carry_len = 0;
	d->left += 2;
}

/* The number of an element is in `left`. False when it is none that there may be. */
static __always_inline bool end_number_of_command(struct reader *r, struct direction *d,
						  bool is_negative)
{
	if (d->elements) {
		begin_string(d, IN_NAME | IN_CLIENT | IN_REPLY);
		return !is_negative && d->left < MOST_LENGTH;
	}
	if (is_negative || !d->left) {
		begin_redis_message(d);
		return true;
	}
	d->elements = d->left;
	d->flags = IN_NAME;
	d->mode = REDIS_FIRST;
	return d->left < MOST_ELEMENTS;
}

/* As many elements follow as `left` says. */
static __always_inline bool begin_elements(struct reader *r, struct direction *d, __u32 each)
{
	struct redis_state *state = redis_state(r->c);
	__u64 count = d->left * each;

	if (count > MOST_ELEMENTS || d->elements > MOST_ELEMENTS)
		return false;
	if (d->flags & IS_TOP && d->kind == '>')
		d->flags |= IS_PUSH | IS_RESP3;
	if (d->flags & IS_TOP && (d->kind == '>' || (d->kind == '*' && count >= 2 && count <= 4)) &&
	    (state->has_trait || waiting_requests(r->c) <= 0))
		d->flags |= IN_PUSH;
	d->mode = REDIS_FIRST;
	d->elements += count;
	/* Attributes come before an element, and are none. */
	if (d->kind != '|')
		end_element(r, d);
	return true;
}

static __always_inline bool end_number_of_reply(struct reader *r, struct direction *d,
						bool is_negative)
{
	struct redis_state *state = redis_state(r->c);
	__u8 bit = d->flags & IS_SHARDED ? 2 : 1;

	switch (d->kind) {
	case '*':
	case '~':
	case '>':
	case '|':
	case '%':
		if (is_negative)
			break;
		return begin_elements(r, d, d->kind == '|' || d->kind == '%' ? 2 : 1);
	case ':':
		if (d->left)
			state->subscribed |= bit;
		else
			state->subscribed &= ~bit;
		break;
	case '!':
		if (d->flags & IS_TOP)
			d->status = STATUS_OTHER;
		begin_string(d, 0);
		return d->left < MOST_LENGTH;
	default:
		if (is_negative)
			break;
		if (d->flags & IS_TOP && state->has_trait &&
		    trait_of(next_request(r->c)) == REDIS_SYNC) {
			end_element(r, d);
			return true;
		}
		begin_string(d, IN_PUSH);
		return d->left < MOST_LENGTH;
	}
	end_element(r, d);
	return true;
}

__noinline int redis_end_number(struct connection *c, struct scratch *scratch, bool is_negative)
{
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return 0;
	return is_of_requests(&r) ? end_number_of_command(&r, direction_of(&r), is_negative) :
				    end_number_of_reply(&r, direction_of(&r), is_negative);
}

static __always_inline void step_string(struct reader *r, struct direction *d)
{
	__u32 bytes = d->left < r->scratch->left ? d->left : r->scratch->left;

	d->left -= bytes;
	consume(r, bytes);
	if (!d->left)
		end_element(r, d);
}

/* A string of up to WORD_LEN bytes, or what there is of it. */
__noinline int redis_text(struct connection *c, struct scratch *scratch, __u32 index,
			  __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 more, known, n;
	__u8 *bytes;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	index &= 2 * WIDE_WINDOW - 1;
	bytes = (__u8 *)d->carry;
	more = d->left - 2;
	known = d->carry_len;
	if (!known && available >= more) {
		d->carry[0] = lowest(load(&r, index), more);
		d->carry[1] = more > 8 ? lowest(load(&r, index + 8), more - 8) : 0;
		n = more;
	} else {
		for (n = 0; n < WORD_LEN; n++) {
			if (n >= available || n >= more)
				break;
			bytes[(known + n) & (WORD_LEN - 1)] = scratch->bytes[index + n];
		}
	}
	consume(&r, n);
	d->carry_len = known + n;
	d->left -= n;
	if (d->left <= 2)
		redis_end_text(c, scratch);
	return 0;
}

static __always_inline void step_line_of_redis(struct reader *r, struct direction *d, __u32 index,
					       __u32 available)
{
	__u32 offset = find_newline(r, index);

	if (offset >= available || offset == STRIDE) {
		consume(r, available < STRIDE ? available : STRIDE);
		return;
	}
	consume(r, offset + 1);
	end_line(r, d);
}

/* The type of an element, and where there is all of it, its number. */
static __always_inline bool step_type(struct reader *r, struct direction *d, __u32 index,
				      __u32 available)
{
	__u64 number;
	__u32 used = read_number(load(r, index + 1), &number);

	d->carry_len = 0;
	if (!used || used + 2 > available || r->scratch->bytes[index + 1 + used] != '\n') {
		d->left = 0;
		d->mode = REDIS_NUMBER;
		consume(r, 1);
		return true;
	}
	d->left = number;
	consume(r, used + 2);
	if (!redis_end_number(r->c, r->scratch, false))
		return false;
	/* What is short is taken at once. */
	if (d->mode == REDIS_TEXT && available > used + 2)
		redis_text(r->c, r->scratch, index + used + 2, available - used - 2);
	if (d->mode == REDIS_STRING && r->scratch->left)
		step_string(r, d);
	return true;
}

static __always_inline bool step_first_of_command(struct reader *r, struct direction *d,
						  __u32 index, __u32 available)
{
	__u32 byte = r->scratch->bytes[index];

	if (d->elements)
		return byte == '$' && step_type(r, d, index, available);
	d->word = now_of(r);
	if (byte == '*')
		return step_type(r, d, index, available);
	/* A line instead of an array. */
	d->mode = REDIS_WORD;
	return true;
}

static __always_inline bool step_first_of_reply(struct reader *r, struct direction *d, __u32 index,
						__u32 available)
{
	__u32 byte = r->scratch->bytes[index];

	if (d->elements) {
		d->flags &= ~IS_TOP;
	} else if (byte == '\n' || byte == '\r') {
		/* A master keeps its replica waiting with empty lines. */
		consume(r, 1);
		return true;
	} else {
		d->elements = 1;
		d->flags = IS_TOP;
	}
	d->kind = byte;
	if (byte != '$')
		d->flags &= ~IN_PUSH;
	switch (byte) {
	case '*':
	case '$':
	case '~':
	case '%':
	case '>':
	case '|':
	case '=':
	case '!':
		return step_type(r, d, index, available);
	case ':':
		if (d->flags & IS_ACK && !(d->flags & IS_RESP3))
			return step_type(r, d, index, available);
		break;
	case '+':
	case '-':
		d->flags |= d->flags & IS_TOP ? IS_SIMPLE : 0;
		if (d->flags & IS_TOP && (byte == '-' || redis_state(r->c)->is_monitor)) {
			d->mode = REDIS_WORD;
			consume(r, 1);
			return true;
		}
		break;
	case '_':
	case '#':
	case ',':
	case '(':
		break;
	default:
		return false;
	}
	d->mode = REDIS_LINE;
	step_line_of_redis(r, d, index, available);
	return true;
}

/* The digits of a number, one by one, until its line ends. */
__noinline int redis_number(struct connection *c, struct scratch *scratch, __u32 index,
			    __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 n, byte = 0;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	index &= WIDE_WINDOW - 1;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || byte == '\n')
			break;
		byte = scratch->bytes[index + n];
		if (byte == '-')
			d->carry_len = 1;
		else if (byte - '0' < 10 && d->left < MOST_LENGTH)
			d->left = d->left * 10 + (byte - '0');
		else if (byte != '\r' && byte != '\n')
			return false;
	}
	consume(&r, n);
	return byte != '\n' || redis_end_number(c, scratch, d->carry_len);
}

/* The carry has the first word of a line. */
static __always_inline void end_word(struct reader *r, struct direction *d)
{
	if (is_of_requests(r)) {
		take_name_of_command(r, d, 0);
		/* What CLIENT says in a line is not read. */
		d->flags = 0;
	} else if (d->kind == '-') {
		d->status = number_of_word(redis_words, d->carry[0], d->carry[1]);
		if (!d->status)
			d->status = STATUS_OTHER;
	} else if ((d->carry[0] & 0xff) - '0' < 10) {
		d->flags |= IS_PUSH;
	}
	d->mode = REDIS_LINE;
}

/* Bytes of the first word of a line, and of the blanks before it. */
__noinline int redis_word(struct connection *c, struct scratch *scratch, __u32 index,
			  __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 n, byte = 0, known = 0;
	bool is_end = false;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	index &= WIDE_WINDOW - 1;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || is_end)
			break;
		byte = scratch->bytes[index + n];
		/* From memory, so that the verifier does not tell its values apart. */
		known = READ_ONCE(d->carry_len);
		if (byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n')
			is_end = known || byte == '\n';
		else
			add_to_word(d, byte);
	}
	consume(&r, n);
	if (!is_end)
		return 0;
	if (!known && is_of_requests(&r)) {
		begin_redis_message(d);
		return 0;
	}
	end_word(&r, d);
	if (byte == '\n')
		end_line(&r, d);
	return 0;
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long redis_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0;
	bool is_well = true;
	int index;

	if (!r->scratch->left || take_rest(r, d))
		return 1;
	if (d->mode == REDIS_STRING) {
		step_string(r, d);
		return 0;
	}
	index = next_bytes(r, 2 * BEGINNING, &available, WIDE_WINDOW);
	if (index < 0)
		return 0;
	if (may_be_whole(r, d)) {
		if (take_whole(r, index, available))
			return 0;
		/* The window may have moved. */
		index = make_redis_available(r, 2 * BEGINNING, &available);
		if (index < 0)
			return 0;
	}
	switch (d->mode) {
	case REDIS_FIRST:
		is_well = is_of_requests(r) ? step_first_of_command(r, d, index, available) :
					      step_first_of_reply(r, d, index, available);
		break;
	case REDIS_NUMBER:
		is_well = redis_number(r->c, r->scratch, index, available);
		break;
	case REDIS_TEXT:
		redis_text(r->c, r->scratch, index, available);
		break;
	case REDIS_WORD:
		redis_word(r->c, r->scratch, index, available);
		break;
	default:
		step_line_of_redis(r, d, index, available);
	}
	if (!is_well)
		desynchronize(r->c, REASON_MALFORMED);
	return 0;
}

__noinline int redis_take(struct connection *c, struct scratch *scratch, __u64 address, __u64 bytes,
			  __u32 how)
{
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return 0;
	begin_taking(&r, address, bytes, how);
	/* Of most calls, that is all. */
	begin_whole(&r, direction_of(&r));
	if (scratch->left)
		run_steps(&r, redis_step);
	finish_alike(c, scratch);
	return 0;
}

static __always_inline bool redis_needs_no_bytes(struct connection *c, __u32 direction, __u64 bytes)
{
	return lies_in_left(c, direction, REDIS_STRING, bytes);
}

/* A reply that has begun is cut short. */
static __always_inline void redis_end(struct connection *c, __u32 direction, __u64 now)
{
	struct direction *d = &c->directions[direction & 1];

	if (direction == request_direction(c) || d->mode < REDIS_FIRST || !d->elements)
		return;
	if (!(d->flags & IS_PUSH))
		finish_word(c, pop_request(c), d->status, ERROR_TRUNCATED, now);
	begin_redis_message(d);
	d->mode = MODE_OPAQUE;
}
