/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1.0 and 1.1 (RFC 9112): finds where each message begins and ends, in steps that each take
 * the rest of a line, a part of it, or all of a body that there is.
 *
 *   http_message.h  a message in its direction
 *   http_lines.h    what a line says
 *   http_heads.h    heads, at once or in steps
 *   http_bodies.h   bodies
 *   http_ends.h     where heads and messages end, and what is counted then
 *   http_sizes.h    the sizes of bodies
 */
#pragma once

#include "../steps.h"
#include "http_bodies.h"
#include "http_heads.h"

/*
 * Do these first bytes of a connection begin with a method that is not known, such as WebDAV's, or
 * a cache's PURGE? Capital letters and a space, or as many letters as are compared: verify() tells
 * by the line's end whether it was one. Not HTTP/2's preface.
 */
static __always_inline enum beginning begins_other_method(__u64 word, __u32 known)
{
	const __u64 ones = 0x0101010101010101ull, sevens = word & ones * 0x7f;
	__u64 capitals = (sevens + ones * (0x80 - 'A')) & ~(sevens + ones * (0x7f - 'Z')) & ~word;
	__u64 others = lowest(~capitals & ones * 0x80, known);
	__u32 letters;

	if (!others)
		return known >= 8 ? BEGINS_REQUEST : MAY_BEGIN;
	letters = lowest_byte(others);
	if (letters < 3 || (word >> (8 * letters) & 0xff) != ' ' ||
	    lowest(word, 4) == BYTES8('P', 'R', 'I', ' ', 0, 0, 0, 0))
		return BEGINS_NOT;
	return BEGINS_REQUEST;
}

/* How many of the first bytes are of empty lines, which a request may follow. */
static __always_inline __u32 empty_lines(__u64 word, __u32 known)
{
	__u32 n;

	for (n = 0; n < 8; n++) {
		__u8 byte = word >> (8 * n);

		if (n >= known || (byte != '\r' && byte != '\n'))
			break;
	}
	return n;
}

/*
 * Do these first bytes of a connection begin a request? Or a response: the call that sends the
 * request may not have returned yet.
 */
static __always_inline enum beginning http_begins(__u64 word, __u32 known)
{
	__u32 method, empty = empty_lines(word, known);

	/* Behind empty lines, the method's first letters are enough. */
	if (empty) {
		if (known < 8)
			return MAY_BEGIN;
		if (empty >= 5)
			return BEGINS_NOT;
		word >>= 8 * empty;
		known -= empty;
		return method_of(word, known) || begins_other_method(word, known) != BEGINS_NOT ?
			       BEGINS_REQUEST :
			       BEGINS_NOT;
	}
	method = method_of(word, known);
	if (method && method != MAY_BE_METHOD)
		return BEGINS_REQUEST;
	if (known >= 7 && lowest(word, 7) == RESPONSE)
		return BEGINS_RESPONSE;
	if (method || lowest(word, known) == lowest(RESPONSE, known))
		return MAY_BEGIN;
	return begins_other_method(word, known);
}

/* The lines that the carry has from before the detection, less those that are empty. */
static __always_inline void pass_empty_lines(struct direction *d)
{
	__u32 empty = empty_lines(d->carry[0], d->carry_len);

	d->carry[0] = empty < 8 ? d->carry[0] >> (8 * empty) : 0;
	d->carry_len -= empty;
}

/* What do these first bytes of a call begin? */
static __always_inline enum beginning http_resumes(const __u8 *bytes, __u32 known)
{
	__u64 word = *(const __u64 *)bytes;

	if (known < BEGINNING)
		return BEGINS_NOT;
	if (lowest(word, 7) == RESPONSE)
		return BEGINS_RESPONSE;
	return method_of(word, 8) ? BEGINS_REQUEST : BEGINS_NOT;
}

/* Takes up to sixteen bytes one by one, as long as the mode stays. */
static __always_inline void take_bytes(struct reader *r, struct direction *d, __u32 index,
				       __u32 available)
{
	__u8 mode = d->mode;
	__u32 n, byte;

	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || d->mode != mode)
			break;
		byte = r->scratch->bytes[index + n];
		if (mode == HTTP_LENGTH)
			take_length_byte(d, byte);
		else if (mode == HTTP_ENCODING)
			take_encoding_byte(d, byte);
		else
			take_size_byte(d, byte);
	}
	consume(r, n);
}

/*
 * Where the position is in the window: false when a line's beginning may not all be in it, or
 * nothing is left.
 */
static __always_inline bool is_in_window(struct reader *r, int *index, __u32 *available)
{
	__u32 at = r->scratch->position - r->scratch->window, more = r->scratch->filled - at;

	if (more > r->scratch->left)
		more = r->scratch->left;
	*index = at & (WINDOW - 1);
	*available = more;
	return more >= BEGINNING || (more && more == r->scratch->left);
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long http_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0;
	int index;

	if (!r->scratch->left)
		return 1;
	if (is_unknown(d) && resolve_unknown(r, d))
		return 0;
	switch (d->mode) {
	case HTTP_BODY:
	case HTTP_CHUNK_SIZE:
		if (d->flags & HAS_EXPECT && is_body_left_out(r, d))
			return 0;
		if (d->mode == HTTP_CHUNK_SIZE)
			break;
		step_over(r, d);
		return 0;
	case HTTP_CHUNK_DATA:
		step_over(r, d);
		return 0;
	case HTTP_UNTIL_CLOSE:
		add_to_size(d, r->scratch->left);
		note_last(r, d);
		return 1;
	case MODE_OPAQUE:
	case MODE_SYNC:
		return take_rest(r, d);
	}
	index = next_bytes(r, BEGINNING, &available, WINDOW);
	if (index < 0)
		return 0;
	/* A step goes on to the next mode of these, as far as the window goes. */
	if (d->mode == HTTP_FIRST) {
		if (!step_first(r, d, index, available)) {
			desynchronize(r->c, REASON_MALFORMED);
			return 0;
		}
		if (d->mode != HTTP_LINE || !is_in_window(r, &index, &available))
			return 0;
	}
	switch (d->mode) {
	case HTTP_HEADER:
		break;
	case HTTP_LENGTH:
	case HTTP_ENCODING:
	case HTTP_CHUNK_SIZE:
		take_bytes(r, d, index, available);
		return 0;
	default:
		if (!step_line(r, d, index, available))
			return 1;
		if (d->mode != HTTP_HEADER || !is_in_window(r, &index, &available))
			return 0;
	}
	if (!d->carry_len && !(d->flags & IN_TRAILERS)) {
		consume(r, pass_lines(r, index, available));
		if (!is_in_window(r, &index, &available))
			return 0;
	}
	step_header(r, d, index, available);
	/* Most lines say nothing: the same step takes the rest of them. */
	if (d->mode == HTTP_LINE && is_in_window(r, &index, &available))
		step_line(r, d, index, available);
	return !r->scratch->left;
}

/*
 * Takes `bytes` bytes of a call from this address on, or, with 0 for the address, bytes that cannot
 * be read for this reason. `how` is the direction, and the reason from bit 1 on.
 */
__noinline int http_take(struct connection *c, struct scratch *scratch, __u64 address, __u64 bytes,
			 __u32 how)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return 0;
	begin_reading(&r, address, bytes, how);
	d = direction_of(&r);
	if (c->is_tunnel)
		d->mode = MODE_OPAQUE;
	if (d->mode == HTTP_FIRST && !d->carry_len && c->is_verified && address > CARRIED &&
	    !take_whole_head(&r, d)) {
		d->flags = 0;
		d->left = 0;
	}
	if (scratch->left)
		bpf_loop(MOST_STEPS, http_step, &r, 0);
	return 0;
}

/* Are these all bytes of a body, of which only the number matters? */
static __always_inline bool http_needs_no_bytes(struct connection *c, __u32 direction, __u64 bytes)
{
	struct direction *d = &c->directions[direction & 1];

	return !(d->flags & HAS_EXPECT) && !is_unknown(d) &&
	       (d->mode == HTTP_UNTIL_CLOSE || (d->mode == HTTP_BODY && d->left >= bytes));
}

/* Does a client receive a response that ends with its connection? */
static __always_inline bool http_is_until_close(const struct connection *c)
{
	return c->protocol == PROTOCOL_HTTP && c->role == ROLE_CLIENT &&
	       c->directions[RECEIVED].mode == HTTP_UNTIL_CLOSE;
}

/*
 * Has a response that ends with its connection been cut off? A server is told so by an error of the
 * connection before it has closed it, a client when it closes the connection before the server's
 * FIN has come (tcp_fin(), net/ipv4/tcp_input.c). Unix sockets have no such mark.
 */
static __always_inline bool is_cut_off(struct connection *c)
{
	struct sock *sk = (void *)c->sock;

	if (c->is_unix)
		return false;
	return c->role == ROLE_SERVER ? c->is_reset : !has_flag(sk, SOCK_DONE);
}

/* The other end, or this one, will send no more of these bytes. */
static __always_inline void http_end(struct connection *c, __u32 direction, __u64 now)
{
	struct direction *d = &c->directions[direction & 1];
	enum l7_error error;
	__u64 word = d->word;

	if (direction == request_direction(c) || d->mode <= HTTP_FIRST)
		return;
	if (d->mode == HTTP_UNTIL_CLOSE && d->carry[0])
		now = d->carry[0];
	if (is_unknown(d))
		word = end_unknown(c, now, d->status);
	error = d->mode != HTTP_UNTIL_CLOSE || is_cut_off(c) ? ERROR_TRUNCATED : ERROR_NONE;
	finish_word(c, word, d->status, error, now);
	if (sizes_wanted && word)
		finish_sizes(c, d, word, error);
	d->flags = 0;
	d->word = 0;
	d->mode = MODE_OPAQUE;
}
