/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Lines of memcached: commands, meta commands among them, and replies. */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "../words.h"
#include "memcached_replies.h"
#include "memcached_state.h"

/* Takes a byte of a word into the carry, which has its first ones, up to WORD_LEN. */
static __always_inline void add_to_memcached_word(struct direction *d, __u32 byte)
{
	__u8 *bytes = (__u8 *)d->carry, length = READ_ONCE(d->carry_len);

	if (length < WORD_LEN)
		bytes[length & (WORD_LEN - 1)] = byte;
	if (length < 255)
		*(volatile __u8 *)&d->carry_len = length + 1;
}

/* A command, and its data, is whole. */
static __always_inline void end_silent_command(struct reader *r, struct direction *d)
{
	if (d->flags & MC_SILENT)
		finish_word(r->c, request_word(d->word, d->operation, 0), STATUS_OK, ERROR_NONE,
			    now_of(r));
}

/* Does a command of this class have that many words, as the server counts them? */
static __always_inline bool has_words(const struct direction *d)
{
	__u32 words = d->elements, more = d->flags & MC_CAS ? 1 : 0;

	switch (d->kind) {
	case MC_STORE:
		return words == 4 + more || words == 5 + more;
	case MC_COUNT:
	case MC_TOUCH:
		return words == 2 || words == 3;
	case MC_DELETE:
		return words >= 1 && words <= 3;
	case MC_MS:
		return words >= 2;
	default:
		return true;
	}
}

/* The line of a command ends. */
static __always_inline void end_line_of_command(struct reader *r, struct direction *d)
{
	bool has_data = (d->kind == MC_STORE || d->kind == MC_MS) && has_words(d) &&
			!(d->flags & MC_BAD) && d->left <= MC_DATA_MAX;
	__u32 trait = d->kind;

	if (!has_words(d))
		d->flags &= ~MC_SILENT;
	if (d->flags & MC_QUIET)
		trait |= TRAIT_QUIET;
	if (!(d->flags & MC_SILENT))
		add_memcached_command(r->c, request_word(d->word, d->operation, trait));
	if (has_data) {
		d->left += 2;
		d->mode = MC_BLOCK;
		return;
	}
	end_silent_command(r, d);
	begin_memcached_message(d);
}

/* Of a reply, of which something has come. */
static __always_inline void begin_further_line(struct direction *d)
{
	__u8 flags = d->flags & MC_EXTRA;

	begin_memcached_message(d);
	d->flags = flags | MC_BEGUN;
}

/* The line of a reply ends. False when it says no size of data that it has to. */
static __always_inline bool end_line_of_reply(struct reader *r, struct direction *d)
{
	d->flags &= ~MC_CONTINUES;
	switch (d->kind) {
	case REPLY_VALUE:
	case REPLY_VA:
		if (d->flags & MC_BAD || d->elements < (d->kind == REPLY_VALUE ? 3 : 1) ||
		    d->left > MC_DATA_MAX)
			return false;
		if (d->kind == REPLY_VALUE)
			d->flags |= MC_CONTINUES;
		d->left += 2;
		d->mode = MC_BLOCK;
		return true;
	case REPLY_LISTED:
		begin_further_line(d);
		return true;
	}
	if (!(d->flags & MC_EXTRA))
		end_memcached_reply(r->c, d->status, now_of(r));
	if (d->kind == REPLY_OK && d->operation)
		r->c->is_tunnel = 1;
	begin_memcached_message(d);
	if (r->c->is_tunnel)
		d->mode = MODE_OPAQUE;
	return true;
}

/* False when the protocol breaks off. Global, as others here, so that it is verified once. */
__noinline int memcached_end_line(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return true;
	if (!is_of_requests(&r))
		return end_line_of_reply(&r, direction_of(&r));
	end_line_of_command(&r, direction_of(&r));
	return true;
}

/* The carry has the first word of a command. */
static __always_inline void take_command(struct reader *r, struct direction *d)
{
	__u64 low = d->carry[0], high = d->carry[1];

	if (d->carry_len <= WORD_LEN)
		d->operation = number_of_word(memcached_words, upper_case(low), upper_case(high));
	d->kind = class_of_command(low);
	d->mode = d->kind >= MC_STORE && d->kind <= MC_MA_VIVIFY ? MC_TOKENS :
		  d->kind == MC_OK				 ? MC_TOKENS :
								   MC_LINE;
	if (low == BYTES8('c', 'a', 's', 0, 0, 0, 0, 0))
		d->flags |= MC_CAS;
	else if (low == BYTES8('q', 'u', 'i', 't', 0, 0, 0, 0))
		d->flags |= MC_SILENT;
	else if (low == BYTES8('w', 'a', 't', 'c', 'h', 0, 0, 0))
		memcached_state(r->c)->watch = d->operation;
}

/* The carry has the first word of a line of a reply. False when it is none to what waits. */
static __always_inline bool take_reply(struct reader *r, struct direction *d, __u32 byte)
{
	__u64 low = d->carry[0];
	__u32 reply = reply_of_word(low, byte != ' ');
	bool is_extra = false;
	__u64 word;

	d->kind = reply;
	d->flags |= MC_BEGUN;
	d->mode = reply == REPLY_VALUE || reply == REPLY_VA ? MC_TOKENS : MC_LINE;
	d->status = STATUS_OK;
	if (reply == REPLY_ERROR) {
		/* With a colon in some servers. */
		low &= (low >> 40) == ':' ? BYTES8(255, 255, 255, 255, 255, 0, 0, 0) : ~0ull;
		d->status = number_of_word(memcached_words, low, d->carry[1]);
		if (!d->status)
			d->status = STATUS_OTHER;
	}
	if (d->flags & MC_EXTRA)
		return true;
	if (!begin_memcached_reply(r->c, reply, now_of(r), &is_extra))
		return false;
	d->flags |= is_extra ? MC_EXTRA : 0;
	word = next_request(r->c);
	d->operation = memcached_state(r->c)->watch &&
		       operation_of(word) == memcached_state(r->c)->watch;
	return true;
}

/*
 * The first word of a line has ended, with this byte. False when the protocol breaks off. What
 * counts is called by a step itself, since there are eight frames at most.
 */
__noinline int memcached_end_word(struct connection *c, struct scratch *scratch, __u32 byte)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return true;
	d = direction_of(&r);
	if (is_of_requests(&r))
		take_command(&r, d);
	else if (!take_reply(&r, d, byte))
		return false;
	d->carry[0] = 0;
	d->carry[1] = 0;
	d->carry_len = 0;
	d->left = 0;
	return true;
}

/* Bytes of the first word of a line. Returns the one that it ends with; 0 when it has not ended. */
__noinline int memcached_word(struct connection *c, struct scratch *scratch, __u32 index,
			      __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 n, byte = 0;
	bool is_end = false;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	index &= WINDOW - 1;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || is_end)
			break;
		byte = scratch->bytes[index + n];
		is_end = byte == ' ' || byte == '\r' || byte == '\n';
		if (!is_end)
			add_to_memcached_word(d, byte);
	}
	consume(&r, n);
	/* Behind a blank in front of it, the next byte is a first one. */
	return is_end && (d->carry_len || byte == '\n') ? byte : 0;
}

/* Which of the words behind the first one says how many bytes of data follow? 0: none. */
static __always_inline __u32 place_of_length(bool is_request, __u32 kind)
{
	if (is_request)
		return kind == MC_STORE ? 4 : kind == MC_MS ? 2 : 0;
	return kind == REPLY_VALUE ? 3 : 1;
}

/* Is the word at this place a number? */
static __always_inline bool is_number_at(const struct direction *d, bool is_request, __u32 place)
{
	if (!is_request || d->kind != MC_STORE)
		return place == place_of_length(is_request, d->kind);
	return place >= 2 && place <= (d->flags & MC_CAS ? 5 : 4);
}

/* Takes a byte of a word behind the first one of a line. */
static __always_inline void take_byte_of_token(struct direction *d, bool is_request, __u32 byte)
{
	__u32 place = READ_ONCE(d->elements), length = READ_ONCE(d->carry_len);

	if (!length) {
		place++;
		*(volatile __u32 *)&d->elements = place;
	}
	add_to_memcached_word(d, byte);
	if (!is_number_at(d, is_request, place))
		return;
	if (byte - '0' < 10) {
		if (place == place_of_length(is_request, d->kind) &&
		    READ_ONCE(d->left) < 1ull << 32)
			*(volatile __u64 *)&d->left = READ_ONCE(d->left) * 10 + (byte - '0');
	} else if (byte != '-' || length || place != 3) {
		*(volatile __u8 *)&d->flags = READ_ONCE(d->flags) | MC_BAD;
	}
}

/* The carry has a word of a line, or its beginning. */
static __always_inline void end_token(struct direction *d, bool is_request)
{
	__u32 place = READ_ONCE(d->elements), length = READ_ONCE(d->carry_len), first;
	__u8 flags = READ_ONCE(d->flags), kind = READ_ONCE(d->kind);

	if (!length)
		return;
	first = d->carry[0] & 0xff;
	if (is_request && kind >= MC_MG && kind <= MC_MA_VIVIFY) {
		if (place > (kind == MC_MS ? 2 : 1)) {
			flags |= first == 'q' ? MC_QUIET : 0;
			if (first == 'N' && kind == MC_MA)
				*(volatile __u8 *)&d->kind = MC_MA_VIVIFY;
		}
	} else if (is_request) {
		flags &= ~MC_SILENT;
		if (d->carry[0] == BYTES8('n', 'o', 'r', 'e', 'p', 'l', 'y', 0) && length == 7)
			flags |= MC_SILENT;
	}
	if (is_request && place == 1 && length > MC_KEY_MAX)
		flags |= MC_BAD;
	*(volatile __u8 *)&d->flags = flags;
	d->carry[0] = 0;
	d->carry[1] = 0;
	*(volatile __u8 *)&d->carry_len = 0;
}

/* Takes a byte of what follows a line's first word. Global, so that it is verified once. */
__noinline int memcached_token_byte(struct connection *c, __u32 direction, __u32 byte)
{
	struct direction *d;
	bool is_request;

	if (!c)
		return 0;
	d = &c->directions[direction & 1];
	is_request = direction == request_direction(c);
	if (byte == ' ' || byte == '\r' || byte == '\n')
		end_token(d, is_request);
	else
		take_byte_of_token(d, is_request, byte);
	return 0;
}

/* Bytes of the words behind the first one of a line. True when it has ended. */
__noinline int memcached_tokens(struct connection *c, struct scratch *scratch, __u32 index,
				__u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 n, byte = 0;

	if (!c || !scratch)
		return false;
	index &= WINDOW - 1;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || byte == '\n')
			break;
		byte = scratch->bytes[index + n];
		memcached_token_byte(c, scratch->direction, byte);
	}
	consume(&r, n);
	return byte == '\n';
}
