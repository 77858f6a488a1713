/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What lines of HTTP/1.x say, by their bytes: methods and statuses, and those fields of a head that
 * tell where its body ends. What a head consists of, and in which pieces it comes, http_heads.h
 * knows.
 */
#pragma once

#include "../bytes.h"
#include "../reader.h"
#include "http_message.h"

/* What a response begins with. */
#define RESPONSE BYTES8('H', 'T', 'T', 'P', '/', '1', '.', 0)

/*
 * The method that a line begins with, by the first `known` bytes of it: the bytes of the method and
 * the space behind it in the low half, enum http_method in the high one; 0 for no known one, and
 * MAY_BE_METHOD while it may become one.
 */
#define MAY_BE_METHOD 0xffffffffu

__noinline __u32 method_of(__u64 word, __u32 known)
{
	__u32 may_be = 0;

#define IS_METHOD(name, length, text)                                       \
	if (known >= (length) && lowest(word, length) == (text))            \
		return (name) << 16 | (length);                             \
	if (known < (length) && lowest(word, known) == lowest(text, known)) \
	may_be = MAY_BE_METHOD
	IS_METHOD(METHOD_GET, 4, BYTES8('G', 'E', 'T', ' ', 0, 0, 0, 0));
	IS_METHOD(METHOD_POST, 5, BYTES8('P', 'O', 'S', 'T', ' ', 0, 0, 0));
	IS_METHOD(METHOD_HEAD, 5, BYTES8('H', 'E', 'A', 'D', ' ', 0, 0, 0));
	IS_METHOD(METHOD_PUT, 4, BYTES8('P', 'U', 'T', ' ', 0, 0, 0, 0));
	IS_METHOD(METHOD_PATCH, 6, BYTES8('P', 'A', 'T', 'C', 'H', ' ', 0, 0));
	IS_METHOD(METHOD_TRACE, 6, BYTES8('T', 'R', 'A', 'C', 'E', ' ', 0, 0));
	IS_METHOD(METHOD_DELETE, 7, BYTES8('D', 'E', 'L', 'E', 'T', 'E', ' ', 0));
	IS_METHOD(METHOD_OPTIONS, 8, BYTES8('O', 'P', 'T', 'I', 'O', 'N', 'S', ' '));
	IS_METHOD(METHOD_CONNECT, 8, BYTES8('C', 'O', 'N', 'N', 'E', 'C', 'T', ' '));
#undef IS_METHOD
	return may_be;
}

/*
 * Takes the beginning of a first line, of which `known` bytes are in two words: how many of them it
 * has used, 0 when they are no such beginning.
 */
static __always_inline __u32 take_first(struct reader *r, struct direction *d, __u64 low,
					__u64 high, __u32 known)
{
	__u32 method, first = low & 0xff;
	__u32 hundreds = (high >> 8 & 0xff) - '0', tens = (high >> 16 & 0xff) - '0';
	__u32 ones = (high >> 24 & 0xff) - '0';

	if (is_of_requests(r)) {
		method = method_of(low, known);
		if (method && method != MAY_BE_METHOD) {
			d->operation = method >> 16;
			return method & 0xffff;
		}
		d->operation = METHOD_OTHER;
		first |= 0x20;
		return first >= 'a' && first <= 'z' ? 1 : 0;
	}
	if (known < 12 || lowest(low, 7) != RESPONSE || hundreds - 1 > 8 || tens > 9 || ones > 9)
		return 0;
	d->status = hundreds * 100 + tens * 10 + ones;
	return 12;
}

/* In a letter: it is a small one. */
#define SMALL 0x2020202020202020ull

/* The beginnings of lines that may say something, in small letters. */
#define CONTENT BYTES8('c', 'o', 'n', 't', 'e', 'n', 't', '-')
#define LENGTH BYTES8('l', 'e', 'n', 'g', 't', 'h', ':', 0)
#define TRANSFER BYTES8('t', 'r', 'a', 'n', 's', 'f', 'e', 'r')
#define EXPECT BYTES8('e', 'x', 'p', 'e', 'c', 't', ':', 0)

/* What a line of the head says, by its first sixteen bytes; how many of them are not its value. */
static __always_inline __u32 take_name(struct direction *d, __u64 low, __u64 high)
{
	d->mode = HTTP_LINE;
	if (d->flags & IN_TRAILERS)
		return 0;
	low |= SMALL;
	high |= SMALL;
	if (low == CONTENT) {
		if (lowest(high, 7) != LENGTH)
			return 0;
		d->left = 0;
		d->flags |= HAS_LENGTH;
		d->mode = HTTP_LENGTH;
		return 15;
	}
	if (low == TRANSFER) {
		if (high != BYTES8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n'))
			return 0;
		d->carry[0] = 0;
		d->carry[1] = 0;
		d->mode = HTTP_ENCODING;
		return 16;
	}
	if (lowest(low, 7) == EXPECT)
		d->flags |= HAS_EXPECT;
	return 0;
}

/* May a line that begins with this letter say something? 'c', 't' and 'e' are 3, 20 and 5. */
static __always_inline bool may_say(__u8 letter)
{
	return (1u << ('c' & 31) | 1u << ('t' & 31) | 1u << ('e' & 31)) >> (letter & 31) & 1;
}

/*
 * What a line of a head that lies in the window, from `at` on, says of the message. False when it
 * says it in another way than most do, which steps know. Global, so that it is verified once.
 */
__noinline int take_line_at_once(struct connection *c, struct scratch *scratch, __u32 at)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u64 low, high, number;
	__u32 blank, digits;
	struct direction *d;

	if (!c || !scratch)
		return false;
	at &= 2 * WINDOW - 1;
	d = direction_of(&r);
	low = load(&r, at) | SMALL;
	if (lowest(low, 7) == EXPECT)
		d->flags |= HAS_EXPECT;
	if (low != CONTENT && low != TRANSFER)
		return true;
	high = load(&r, at + 8) | SMALL;
	if (low == TRANSFER) {
		if (high != BYTES8('-', 'e', 'n', 'c', 'o', 'd', 'i', 'n'))
			return true;
		d->flags |= IS_CHUNKED;
		return (load(&r, at + 16) | SMALL) ==
			       BYTES8('g', ':', ' ', 'c', 'h', 'u', 'n', 'k') &&
		       (__u32)load(&r, at + 24) == ('e' | 'd' << 8 | '\r' << 16 | '\n' << 24);
	}
	if (lowest(high, 7) != LENGTH)
		return true;
	blank = scratch->bytes[at + 15] == ' ';
	digits = read_number(load(&r, at + 15 + blank), &number);
	if (!digits)
		return false;
	d->left = number;
	d->flags |= HAS_LENGTH;
	return scratch->bytes[at + 15 + blank + digits] == '\n';
}

static __always_inline void take_length_byte(struct direction *d, __u32 byte)
{
	if (byte == '\n')
		d->mode = HTTP_HEADER;
	else if (byte - '0' < 10)
		d->left = d->left * 10 + (byte - '0');
}

static __always_inline void take_encoding_byte(struct direction *d, __u32 byte)
{
	if (byte == '\n') {
		d->mode = HTTP_HEADER;
		return;
	}
	d->carry[0] = d->carry[0] << 8 | (byte | 0x20);
	/* The name's end, `g:`, comes first. */
	if (++d->carry[1] == 2 && (d->carry[0] & 0xffff) != ('g' << 8 | ':')) {
		d->mode = HTTP_LINE;
		return;
	}
	if (lowest(d->carry[0], 7) == BYTES8('d', 'e', 'k', 'n', 'u', 'h', 'c', 0))
		d->flags |= IS_CHUNKED;
}

/* Does a request's first line that ends with these bytes, and LF, name the protocol's version? */
static __always_inline bool has_version(__u64 last)
{
	return last >> 56 == '\r' ? lowest(last, 6) == BYTES8('T', 'T', 'P', '/', '1', '.', 0, 0) :
				    lowest(last, 7) == RESPONSE;
}
