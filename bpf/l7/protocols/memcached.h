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
#include "../words.h"
#include "memcached_begins.h"
#include "memcached_replies.h"
#include "memcached_state.h"

static __always_inline void begin_memcached_message(struct direction *d)
{
	d->left = 0;
	d->carry[0] = 0;
	d->carry[1] = 0;
	d->status = 0;
	d->mode = MC_FIRST;
	d->carry_len = 0;
	d->flags = 0;
	d->kind = 0;
	d->operation = 0;
	d->elements = 0;
}

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

/* The carry has what matters of a request's header. */
static __always_inline bool take_binary_request(struct reader *r, struct direction *d)
{
	__u32 opcode = d->carry[0] >> 8 & 0xff, trait = is_quiet_opcode(opcode) ? TRAIT_QUIET : 0;

	d->operation = memcached_opcodes[opcode];
	memcached_state(r->c)->is_binary = 1;
	if (opcode == MC_QUITQ)
		d->flags |= MC_SILENT;
	else
		add_memcached_command(r->c, request_word(d->word, d->operation, trait));
	return (d->carry[0] & 0xff) == MC_REQUEST;
}

/* The code of a failure; what is not found, or is there already, is none. */
__noinline int status_of_binary(__u32 status)
{
	__u64 low = 0, high = 0;

	switch (status) {
	case 0x00: /* SUCCESS */
	case 0x01: /* KEY_ENOENT */
	case 0x02: /* KEY_EEXISTS */
	case 0x05: /* NOT_STORED */
	case 0x21: /* AUTH_CONTINUE */
		return STATUS_OK;
	case 0x03:
		low = BYTES8('E', '2', 'B', 'I', 'G', 0, 0, 0);
		break;
	case 0x04:
		low = BYTES8('E', 'I', 'N', 'V', 'A', 'L', 0, 0);
		break;
	case 0x06:
		low = BYTES8('D', 'E', 'L', 'T', 'A', '_', 'B', 'A');
		high = BYTES8('D', 'V', 'A', 'L', 0, 0, 0, 0);
		break;
	case 0x20:
		low = BYTES8('A', 'U', 'T', 'H', '_', 'E', 'R', 'R');
		high = BYTES8('O', 'R', 0, 0, 0, 0, 0, 0);
		break;
	case 0x81:
		low = BYTES8('U', 'N', 'K', 'N', 'O', 'W', 'N', '_');
		high = BYTES8('C', 'O', 'M', 'M', 'A', 'N', 'D', 0);
		break;
	case 0x82:
		low = BYTES8('E', 'N', 'O', 'M', 'E', 'M', 0, 0);
		break;
	}
	status = number_of_word(memcached_words, low, high);
	return status ? status : STATUS_OTHER;
}

static __always_inline bool take_binary_response(struct reader *r, struct direction *d)
{
	__u32 opcode = d->carry[0] >> 8 & 0xff;
	__u32 status = __builtin_bswap16(d->carry[0] >> 48);
	bool is_extra = false;

	d->kind = opcode;
	d->status = status_of_binary(status);
	d->flags |= MC_BEGUN;
	/* Statistics are a packet each, up to an empty one. */
	if (opcode == MC_STAT && !status && (__u32)d->carry[1])
		d->flags |= MC_CONTINUES;
	if (d->flags & MC_EXTRA)
		return true;
	if ((d->carry[0] & 0xff) != MC_RESPONSE ||
	    !begin_memcached_packet(r->c, opcode, now_of(r), &is_extra))
		return false;
	d->flags |= is_extra ? MC_EXTRA : 0;
	return true;
}

/* A header of the binary protocol is in the carry. False when the protocol breaks off. */
__noinline int memcached_end_header(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return true;
	d = direction_of(&r);
	d->left = (__u64)__builtin_bswap32(d->carry[1]) + MC_HEADER - MC_HEAD;
	d->mode = MC_BLOCK;
	return is_of_requests(&r) ? take_binary_request(&r, d) : take_binary_response(&r, d);
}

/* Bytes of a header of the binary protocol. True when there is all that matters of it. */
__noinline int memcached_header(struct connection *c, struct scratch *scratch, __u32 index,
				__u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 n, known, more;
	__u8 *bytes;

	if (!c || !scratch)
		return false;
	d = direction_of(&r);
	index &= WINDOW - 1;
	bytes = (__u8 *)d->carry;
	known = d->carry_len & (WORD_LEN - 1);
	more = MC_HEAD - known;
	for (n = 0; n < MC_HEAD; n++) {
		if (n >= available || n >= more)
			break;
		bytes[(known + n) & (WORD_LEN - 1)] = scratch->bytes[index + n];
	}
	consume(&r, n);
	d->carry_len = known + n;
	return known + n >= MC_HEAD;
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
