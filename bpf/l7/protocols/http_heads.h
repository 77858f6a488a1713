/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Heads of HTTP/1.x's messages: one that lies in the first bytes of a call as a whole is taken at
 * once, any other one in steps, wherever calls and pieces of memory cut it. The request's path is
 * taken on the way (path.h).
 */
#pragma once

#include "../path.h"
#include "http_bodies.h"
#include "http_ends.h"
#include "http_lines.h"

/*
 * Takes a message's head at once, if all of it lies in the first bytes of a call and says in the
 * usual way what follows it. False when it is to be taken in steps, from its beginning on.
 */
static __noinline bool take_whole_head(struct reader *r, struct direction *d)
{
	const __u64 ones = 0x0101010101010101ull;
	__u64 low, high, word, found;
	__u32 available, used, offset, at, n;

	if (make_available(r, BEGINNING, &available) || available < BEGINNING)
		return false;
	low = load(r, 0);
	high = load(r, 8);
	used = take_first(r, d, low, high, BEGINNING);
	/* No end of a line is among those bytes. */
	if (used <= 1 || low >> 56 == '\n' || (high & 0xff) == '\n')
		return false;
	/* Not `for`: before Linux 6.2 no loop may be entered again from what is before it. */
	offset = -8;
	do {
		offset += 8;
		barrier_var(offset);
		word = load(r, offset) ^ ones * '\n';
		/* Enough for most words: it also holds of bytes from 0x80 on. */
		if (!((word - ones) & ones * 0x80))
			continue;
		/* Of each byte by itself: what borrows from the next one may find too many. */
		found = ~(((word & ones * 0x7f) + ones * 0x7f) | word) & ones * 0x80;
		/* Two ends of lines side by side end the head: there are no more than four. */
		for (n = 0; n < 4 && found; n++, found &= found - 1) {
			at = offset + lowest_byte(found) + 1;
			word = load(r, at);
			if ((word & 0xff) == '\n')
				goto end;
			if ((word & 0xffff) == ('\r' | '\n' << 8)) {
				at++;
				goto end;
			}
			if (may_say(word) && !take_line_at_once(r->c, r->scratch, at))
				return false;
		}
	} while (offset < WINDOW - 8);
	return false;
end:
	at++;
	if (at > available)
		return false;
	if (is_of_requests(r)) {
		d->word = now_of(r);
		begin_size(r, d);
		consume(r, used);
		if (paths_wanted) {
			begin_path(r->c, d->word, 0, 0);
			take_path(r->c, r->scratch);
		}
		consume(r, at - used);
	} else {
		d->word = 0;
		begin_size(r, d);
		consume(r, at);
	}
	d->mode = HTTP_HEADER;
	end_head(r->c, r->scratch);
	return true;
}

/*
 * Takes bytes one by one into the carry, up to `most` of them together or an end of line. Returns
 * true when there are as many, or the line has ended: then *ended.
 */
static __always_inline bool carry(struct reader *r, struct direction *d, __u32 index,
				  __u32 available, __u32 most, bool *ended)
{
	__u8 *bytes = (__u8 *)d->carry, byte = 0;
	__u32 n, length = d->carry_len;

	if (!length)
		d->carry[0] = d->carry[1] = 0;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || length >= most || byte == '\n')
			break;
		byte = r->scratch->bytes[index + n];
		bytes[length & (BEGINNING - 1)] = byte;
		length++;
	}
	consume(r, n);
	d->carry_len = length;
	*ended = byte == '\n';
	return *ended || length >= most;
}

/* The last eight bytes of `before` and so many bytes behind it. */
static __always_inline __u64 last_eight(struct reader *r, __u64 before, __u32 index, __u32 count)
{
	if (count >= 8)
		return load(r, (index + count - 8) & (WINDOW - 1));
	return count ? before >> (8 * count) | load(r, index) << (64 - 8 * count) : before;
}

/* The eight bytes before the last one of so many in the carry, at most 12; 0 for want of them. */
static __always_inline __u64 carried_before(const struct direction *d, __u32 length)
{
	__u32 shift = 8 * (length - 9);

	if (length < 9)
		return 0;
	return shift ? d->carry[0] >> shift | d->carry[1] << (64 - shift) : d->carry[0];
}

/* A connection's first line has ended with these bytes: is it another protocol after all? */
static __always_inline void verify(struct reader *r, __u64 last)
{
	struct connection *c = r->c;

	c->is_verified = 1;
	if (!is_of_requests(r) || has_version(last))
		return;
	c->protocol = PROTOCOL_UNKNOWN;
	c->directions[RECEIVED].mode = MODE_OPAQUE;
	c->directions[SENT].mode = MODE_OPAQUE;
}

/* Takes the path's beginning, of which the carry has some bytes behind `used` ones. */
static __always_inline void take_carried_path(struct reader *r, struct direction *d, __u32 used)
{
	__u64 low = d->carry[0], high = d->carry[1];

	if (!paths_wanted || !is_of_requests(r) || used < 4 || used > 8)
		return;
	low = used < 8 ? low >> (8 * used) | high << (64 - 8 * used) : high;
	begin_path(r->c, d->word, low, d->carry_len > used ? d->carry_len - used : 0);
}

/* The first line's beginning. False when it is none. */
static __noinline bool step_first(struct reader *r, struct direction *d, __u32 index,
				  __u32 available)
{
	__u32 used, known = d->carry_len;
	bool ended;

	if (!known) {
		__u32 byte = r->scratch->bytes[index];

		/* Empty lines may precede a message (RFC 9112, 2.2). */
		if (byte == '\r' || byte == '\n') {
			consume(r, 1);
			return true;
		}
		/* Of a response, the request's word takes this place. */
		d->word = is_of_requests(r) ? now_of(r) : 0;
		begin_size(r, d);
		if (available >= BEGINNING) {
			__u64 low = load(r, index);

			used = take_first(r, d, low, load(r, index + 8), BEGINNING);
			consume(r, used);
			/* The beginning of the line's last eight bytes: step_line(). */
			d->carry[0] = used < 8 ? low << (64 - 8 * used) : low;
			d->flags |= IN_FIRST_LINE;
			d->mode = HTTP_LINE;
			if (paths_wanted && is_of_requests(r) && used > 1) {
				begin_path(r->c, d->word, 0, 0);
				take_path(r->c, r->scratch);
			}
			return used;
		}
	}
	if (!carry(r, d, index, available, 12, &ended))
		return true;
	used = take_first(r, d, d->carry[0], d->carry[1], d->carry_len);
	d->mode = ended ? HTTP_HEADER : HTTP_LINE;
	if (!used)
		return false;
	take_carried_path(r, d, used);
	if (ended && !r->c->is_verified)
		verify(r, carried_before(d, d->carry_len));
	d->flags |= ended ? 0 : IN_FIRST_LINE;
	d->carry[0] = d->carry[0] >> 32 | d->carry[1] << 32;
	d->carry_len = 0;
	return true;
}

/* Lines of a head that one step passes at most. */
#define LINES_AT_ONCE 8

/*
 * Passes lines that say nothing and lie in the window as a whole, which are most of a head. Returns
 * how many bytes.
 */
static __noinline __u32 pass_lines(struct reader *r, __u32 index, __u32 available)
{
	__u32 end = index + available, at, line, offset;
	__u64 low;

	r->scratch->line = index;
	for (line = 0; line < LINES_AT_ONCE; line++) {
		/* From memory, so that the verifier does not tell its values apart. */
		at = READ_ONCE(r->scratch->line);
		if (at > WINDOW - BEGINNING || at + BEGINNING > end)
			break;
		low = load(r, at);
		if ((low & 0xff) == '\r' || (low & 0xff) == '\n')
			break;
		low |= SMALL;
		if (low == TRANSFER || lowest(low, 7) == EXPECT ||
		    (low == CONTENT && lowest(load(r, at + 8) | SMALL, 7) == LENGTH))
			break;
		offset = find_newline(r, at);
		if (offset == STRIDE || at + offset >= end)
			break;
		*(volatile __u32 *)&r->scratch->line = at + offset + 1;
	}
	return READ_ONCE(r->scratch->line) - index;
}

/* Takes the rest of a line that gives the body's length, if it lies in the window and is plain. */
static __always_inline void take_length(struct reader *r, struct direction *d, __u32 index,
					__u32 available)
{
	__u32 blank = r->scratch->bytes[index] == ' ', bytes;
	__u64 number;

	bytes = read_number(load(r, index + blank), &number);
	if (!bytes || bytes + blank >= available ||
	    r->scratch->bytes[(index + blank + bytes) & (WINDOW - 1)] != '\n')
		return;
	d->left = number;
	d->mode = HTTP_HEADER;
	consume(r, blank + bytes + 1);
}

/* A line that begins, or has begun and is in the carry. */
static __always_inline void step_header(struct reader *r, struct direction *d, __u32 index,
					__u32 available)
{
	__u64 low = load(r, index);
	__u32 known;
	bool ended;

	if (!d->carry_len) {
		if ((low & 0xff) == '\n') {
			consume(r, 1);
			end_head(r->c, r->scratch);
			return;
		}
		if (available >= 2 && (low & 0xffff) == ('\r' | '\n' << 8)) {
			consume(r, 2);
			end_head(r->c, r->scratch);
			return;
		}
		if (available >= BEGINNING) {
			known = take_name(d, low, load(r, index + 8));
			consume(r, known);
			if (d->mode == HTTP_LENGTH)
				take_length(r, d, (index + known) & (WINDOW - 1),
					    available - known);
			return;
		}
	}
	if (!carry(r, d, index, available, BEGINNING, &ended))
		return;
	low = d->carry[0];
	known = d->carry_len;
	d->carry_len = 0;
	if (ended && known == 2 && (low & 0xff) == '\r') {
		end_head(r->c, r->scratch);
	} else if (take_name(d, low, d->carry[1]) == BEGINNING - 1) {
		take_length_byte(d, d->carry[1] >> 56);
	} else if (ended) {
		d->mode = HTTP_HEADER;
	}
}

/* Takes the rest of a line, or what there is of it. Returns the bytes that are left of the call. */
static __noinline __u32 step_line(struct reader *r, struct direction *d, __u32 index,
				  __u32 available)
{
	__u32 offset = find_newline(r, index), bytes;
	bool is_unverified = !r->c->is_verified && d->flags & IN_FIRST_LINE;

	if (paths_wanted && d->flags & IN_FIRST_LINE && is_of_requests(r) &&
	    !r->scratch->is_path_taken)
		add_to_path(r->c, r->scratch);

	if (offset >= available || offset == STRIDE) {
		bytes = available < STRIDE ? available : STRIDE;
		if (is_unverified)
			d->carry[0] = last_eight(r, d->carry[0], index, bytes);
		consume(r, bytes);
		return r->scratch->left;
	}
	consume(r, offset + 1);
	if (d->mode == HTTP_CHUNK_EXTENSION) {
		end_size_line(d);
		return r->scratch->left;
	}
	if (d->mode == HTTP_CHUNK_END) {
		d->left = 0;
		d->mode = HTTP_CHUNK_SIZE;
		return r->scratch->left;
	}
	d->mode = HTTP_HEADER;
	d->flags &= ~IN_FIRST_LINE;
	if (is_unverified)
		verify(r, last_eight(r, d->carry[0], index, offset));
	return r->scratch->left;
}
