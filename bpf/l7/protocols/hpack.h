/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Header blocks of HTTP/2 (HPACK, RFC 7541): steps over the fields of a block and finds the few
 * that matter. Of the dynamic table, what is kept is how many entries have been inserted, and the
 * numbers of those that have such a field: an index counts from the newest entry, so neither
 * sizes nor evictions matter. An entry that was inserted before the direction was followed is not
 * known.
 */
#pragma once

#include "http_message.h"
#include "streams.h"

/* What a header block waits for. */
enum hpack_mode {
	HPACK_FIELD,	   /* the first byte of a field */
	HPACK_INDEX,	   /* the rest of an index, or of a size of the table */
	HPACK_NAME,	   /* the first byte of a name's length */
	HPACK_NAME_LENGTH, /* the rest of it */
	HPACK_NAME_TEXT,   /* `value` bytes of the name */
	HPACK_VALUE,	   /* the same of a value */
	HPACK_VALUE_LENGTH,
	HPACK_VALUE_TEXT,
};

/* The fields that matter. */
enum hpack_field {
	FIELD_OTHER,
	FIELD_METHOD,
	FIELD_STATUS,
	FIELD_GRPC_STATUS,
	FIELD_CONTENT_TYPE,
};

/* Flags of a field that comes in. */
#define IS_INDEXED 1
#define IS_INSERTED 2
#define IS_TABLE_SIZE 4
#define IS_HUFFMAN 8

/* Of a block, in its direction's flags: it has gRPC's content type. */
#define IS_GRPC 2

/*
 * A field with its value, in a number: of a content type, 1 for gRPC's, else it is no such field.
 */
#define MEANING_SHIFT 10
#define MEANING(field, value) ((field) << MEANING_SHIFT | (value))

/* The last index of the static table. */
#define STATIC_ENTRIES 61

/* So many insertions ago, an entry may have been inserted that an index stands for. */
#define OLDEST_ENTRY 0x7fff

/* A method of `:method` that is not known. */
#define METHOD_UNKNOWN METHODS

static __always_inline struct http2_direction *http2_direction_of(struct reader *r)
{
	return &http2_of(r->c)->directions[r->scratch->direction & 1];
}

/* Of the static table's fields (RFC 7541, Appendix A). */
static __always_inline __u32 static_meaning(__u32 index)
{
	switch (index) {
	case 2:
		return MEANING(FIELD_METHOD, METHOD_GET);
	case 3:
		return MEANING(FIELD_METHOD, METHOD_POST);
	case 8:
		return MEANING(FIELD_STATUS, 200);
	case 9:
		return MEANING(FIELD_STATUS, 204);
	case 10:
		return MEANING(FIELD_STATUS, 206);
	case 11:
		return MEANING(FIELD_STATUS, 304);
	case 12:
		return MEANING(FIELD_STATUS, 400);
	case 13:
		return MEANING(FIELD_STATUS, 404);
	case 14:
		return MEANING(FIELD_STATUS, 500);
	default:
		return 0;
	}
}

/* What an index of both tables stands for; 0 for nothing that matters, or is known. */
static __always_inline __u32 meaning_at(const struct http2_direction *h, __u32 index)
{
	__u32 n, meaning = 0;
	__u16 number;

	if (index <= STATIC_ENTRIES)
		return static_meaning(index);
	index -= STATIC_ENTRIES + 1;
	if (index >= h->inserted || index > OLDEST_ENTRY)
		return 0;
	number = h->inserted - 1 - index;
	for (n = 0; n < HPACK_ENTRIES; n++)
		if (h->numbers[n] == number)
			meaning |= h->meanings[n];
	return meaning;
}

static __always_inline __u32 field_at(const struct http2_direction *h, __u32 index)
{
	return index == 31 ? FIELD_CONTENT_TYPE : meaning_at(h, index) >> MEANING_SHIFT;
}

/* How well an entry may be replaced by one that says this: best by the same, then by its age. */
static __always_inline __u32 age_of(const struct http2_direction *h, __u32 slot, __u16 number,
				    __u32 meaning)
{
	__u32 kept = h->meanings[slot];

	return (kept == meaning) << 17 | !kept << 16 | (__u16)(number - h->numbers[slot]);
}

/*
 * Inserts an entry. One that says something replaces an earlier one that says the same, since an
 * encoder that inserts it anew has no use for that one, else the oldest. Global, so that it is
 * verified once.
 */
__noinline int hpack_insert(struct connection *c, __u32 direction, __u32 meaning)
{
	struct http2_direction *h;
	__u16 number;
	__u32 n, slot;

	if (!c)
		return 0;
	h = &http2_of(c)->directions[direction & 1];
	number = h->inserted++;
	/* Numbers are halves: those of entries that are too old must not come again. */
	if (!(number & OLDEST_ENTRY))
		for (n = 0; n < HPACK_ENTRIES; n++)
			if ((__u16)(number - h->numbers[n]) > OLDEST_ENTRY)
				h->meanings[n] = 0;
	if (!meaning)
		return 0;
	for (n = 0; n < HPACK_ENTRIES; n++) {
		/* From memory, so that the verifier does not tell its values apart. */
		slot = READ_ONCE(h->slot);
		if (slot >= HPACK_ENTRIES)
			return 0;
		if (age_of(h, n, number, meaning) > age_of(h, slot, number, meaning))
			*(volatile __u8 *)&h->slot = n;
	}
	slot = READ_ONCE(h->slot);
	if (slot >= HPACK_ENTRIES)
		return 0;
	h->numbers[slot] = number;
	h->meanings[slot] = meaning;
	return 0;
}

/* A name that is written out, in its letters or in Huffman's code (RFC 7541, Appendix B). */
static __always_inline __u32 field_of_name(__u64 low, __u64 high)
{
	switch (low) {
	case BYTES8(0x9a, 0xca, 0xc8, 0xb2, 0x12, 0x34, 0xda, 0x8f):
		return high ? FIELD_OTHER : FIELD_GRPC_STATUS;
	case BYTES8('g', 'r', 'p', 'c', '-', 's', 't', 'a'):
		return high == BYTES8('t', 'u', 's', 0, 0, 0, 0, 0) ? FIELD_GRPC_STATUS :
								      FIELD_OTHER;
	case BYTES8(0x21, 0xea, 0x49, 0x6a, 0x4a, 0xc9, 0xf5, 0x59):
		return high == 0x7f ? FIELD_CONTENT_TYPE : FIELD_OTHER;
	case BYTES8('c', 'o', 'n', 't', 'e', 'n', 't', '-'):
		return high == BYTES8('t', 'y', 'p', 'e', 0, 0, 0, 0) ? FIELD_CONTENT_TYPE :
									FIELD_OTHER;
	case BYTES8(0xb8, 0x84, 0x8d, 0x36, 0xa3, 0, 0, 0):
	case BYTES8(':', 's', 't', 'a', 't', 'u', 's', 0):
		return high ? FIELD_OTHER : FIELD_STATUS;
	case BYTES8(0xb9, 0x49, 0x53, 0x39, 0xe4, 0, 0, 0):
	case BYTES8(':', 'm', 'e', 't', 'h', 'o', 'd', 0):
		return high ? FIELD_OTHER : FIELD_METHOD;
	default:
		return FIELD_OTHER;
	}
}

static __always_inline __u32 method_of_value(__u64 low, __u64 high)
{
	if (high)
		return METHOD_OTHER;
	switch (low) {
	case BYTES8('G', 'E', 'T', 0, 0, 0, 0, 0):
	case BYTES8(0xc5, 0x83, 0x7f, 0, 0, 0, 0, 0):
		return METHOD_GET;
	case BYTES8('H', 'E', 'A', 'D', 0, 0, 0, 0):
	case BYTES8(0xc7, 0x82, 0x1b, 0xff, 0, 0, 0, 0):
		return METHOD_HEAD;
	case BYTES8('P', 'O', 'S', 'T', 0, 0, 0, 0):
	case BYTES8(0xd7, 0xab, 0x76, 0xff, 0, 0, 0, 0):
		return METHOD_POST;
	case BYTES8('P', 'U', 'T', 0, 0, 0, 0, 0):
	case BYTES8(0xd7, 0xc3, 0x7f, 0, 0, 0, 0, 0):
		return METHOD_PUT;
	case BYTES8('D', 'E', 'L', 'E', 'T', 'E', 0, 0):
	case BYTES8(0xbf, 0x83, 0x3e, 0x0d, 0xf8, 0x3f, 0, 0):
		return METHOD_DELETE;
	case BYTES8('C', 'O', 'N', 'N', 'E', 'C', 'T', 0):
	case BYTES8(0xbd, 0xab, 0x4e, 0x9c, 0x17, 0xb7, 0xff, 0):
		return METHOD_CONNECT;
	case BYTES8('O', 'P', 'T', 'I', 'O', 'N', 'S', 0):
	case BYTES8(0xd5, 0xaf, 0x7e, 0x4d, 0x5a, 0x77, 0x7f, 0):
		return METHOD_OPTIONS;
	case BYTES8('T', 'R', 'A', 'C', 'E', 0, 0, 0):
	case BYTES8(0xdf, 0xb6, 0x1b, 0xd8, 0x3f, 0, 0, 0):
		return METHOD_TRACE;
	case BYTES8('P', 'A', 'T', 'C', 'H', 0, 0, 0):
	case BYTES8(0xd7, 0x0e, 0xfb, 0xd8, 0xff, 0, 0, 0):
		return METHOD_PATCH;
	default:
		return METHOD_OTHER;
	}
}

#define NO_NUMBER 1023

/* The number that a text of up to three digits is. */
static __always_inline __u32 number_of_letters(__u64 word, __u32 length)
{
	__u32 value = 0, n, digit;

	if (!length || length > 3)
		return NO_NUMBER;
	for (n = 0; n < 3; n++) {
		digit = (word >> (8 * n) & 0xff) - '0';
		if (n >= length)
			break;
		if (digit > 9)
			return NO_NUMBER;
		value = value * 10 + digit;
	}
	return value;
}

/* The same in Huffman's code: 0 to 2 have five bits, 00000 on; 3 to 9 have six, 011001 on. */
static __always_inline __u32 number_of_code(__u64 word, __u32 length)
{
	__u32 bits = (word & 0xff) << 24 | (word >> 8 & 0xff) << 16 | (word >> 16 & 0xff) << 8;
	__u32 left = 8 * length, value = 0, n;

	if (!length || length > 3)
		return NO_NUMBER;
	for (n = 0; n < 3; n++) {
		__u32 five = bits >> 27, six = (bits >> 26) - 25;

		if (left < 5)
			break;
		if (five < 3) {
			value = value * 10 + five;
			bits <<= 5;
			left -= 5;
		} else if (left > 5 && six < 7) {
			value = value * 10 + 3 + six;
			bits <<= 6;
			left -= 6;
		} else {
			break;
		}
	}
	/* What follows are fewer than eight bits, all of them 1. */
	if (!n || left > 7 || (left && bits >> (32 - left) != (1u << left) - 1))
		return NO_NUMBER;
	return value;
}

/* Does a content type begin with `application/grpc`, and end there or go on with a parameter? */
static __always_inline bool is_grpc(const __u64 *text, __u32 length, bool is_huffman)
{
	__u32 behind;

	if (is_huffman) {
		if (text[0] != BYTES8(0x1d, 0x75, 0xd0, 0x62, 0x0d, 0x26, 0x3d, 0x4c) ||
		    (text[1] & 0xffffff) != (0x4d | 0x65 << 8 | 0x64 << 16))
			return false;
		behind = text[1] >> 24 & 0xff;
		/* `+`: 11111111 011; `;`: 11111011. */
		return length == 11 || behind == 0xff || behind == 0xfb;
	}
	behind = text[2] & 0xff;
	return text[0] == BYTES8('a', 'p', 'p', 'l', 'i', 'c', 'a', 't') &&
	       text[1] == BYTES8('i', 'o', 'n', '/', 'g', 'r', 'p', 'c') &&
	       (length == 16 || behind == '+' || behind == ';');
}

/* What the value in the text means. */
static __always_inline __u32 meaning_of_value(const struct http2_direction *h)
{
	const __u64 *text = (const __u64 *)h->text;
	bool is_huffman = h->flags & IS_HUFFMAN;
	__u32 number;

	switch (h->field) {
	case FIELD_METHOD:
		return MEANING(FIELD_METHOD, method_of_value(text[0], text[1]));
	case FIELD_STATUS:
	case FIELD_GRPC_STATUS:
		number = is_huffman ? number_of_code(text[0], h->length) :
				      number_of_letters(text[0], h->length);
		if (h->field == FIELD_STATUS)
			return number >= 100 && number < 1000 ? MEANING(FIELD_STATUS, number) : 0;
		return MEANING(FIELD_GRPC_STATUS,
			       number < GRPC_OTHER - 1 ? 1 + number : GRPC_OTHER);
	case FIELD_CONTENT_TYPE:
		return is_grpc(text, h->length, is_huffman) ? MEANING(FIELD_CONTENT_TYPE, 1) : 0;
	default:
		return 0;
	}
}

/* A field is whole. Of a response, `operation` is 1 + its grpc-status. */
static __always_inline void take_meaning(struct reader *r, struct direction *d, __u32 meaning)
{
	__u32 value = meaning & ((1 << MEANING_SHIFT) - 1);
	bool is_request = is_of_requests(r);

	switch (meaning >> MEANING_SHIFT) {
	case FIELD_METHOD:
		if (is_request)
			d->operation = value;
		break;
	case FIELD_STATUS:
		d->status = value;
		break;
	case FIELD_GRPC_STATUS:
		if (!is_request)
			d->operation = value;
		break;
	case FIELD_CONTENT_TYPE:
		d->flags |= IS_GRPC;
		break;
	}
}

/* A string is whole. */
static __always_inline void end_string(struct reader *r, struct direction *d,
				       struct http2_direction *h)
{
	const __u64 *text = (const __u64 *)h->text;
	__u32 meaning;

	if (h->mode == HPACK_NAME_TEXT) {
		h->field = h->length > 2 * 8 ? FIELD_OTHER : field_of_name(text[0], text[1]);
		h->mode = HPACK_VALUE;
		return;
	}
	meaning = meaning_of_value(h);
	if (h->flags & IS_INSERTED)
		hpack_insert(r->c, r->scratch->direction, meaning);
	take_meaning(r, d, meaning);
	h->mode = HPACK_FIELD;
}

/* An integer is whole, and is in `value`. False when it is none that there may be. */
static __always_inline bool end_integer(struct reader *r, struct direction *d,
					struct http2_direction *h)
{
	__u64 *text = (__u64 *)h->text;

	if (h->mode == HPACK_INDEX) {
		h->mode = HPACK_FIELD;
		if (h->flags & IS_TABLE_SIZE)
			return true;
		if (h->flags & IS_INDEXED) {
			take_meaning(r, d, meaning_at(h, h->value));
			return h->value;
		}
		h->field = h->value ? field_at(h, h->value) : FIELD_OTHER;
		h->mode = h->value ? HPACK_VALUE : HPACK_NAME;
		return true;
	}
	h->mode = h->mode == HPACK_NAME_LENGTH ? HPACK_NAME_TEXT : HPACK_VALUE_TEXT;
	h->length = h->value < 255 ? h->value : 255;
	h->known = 0;
	text[0] = text[1] = text[2] = 0;
	if (!h->value)
		end_string(r, d, h);
	return true;
}

/* The first byte of an integer, of which these bits may be set. */
static __always_inline bool begin_integer(struct reader *r, struct direction *d,
					  struct http2_direction *h, __u32 byte, __u32 most)
{
	h->value = byte & most;
	h->shift = 0;
	return h->value == most || end_integer(r, d, h);
}

static __always_inline bool step_field(struct reader *r, struct direction *d,
				       struct http2_direction *h, __u32 byte)
{
	__u32 most = 0x0f;

	h->flags = 0;
	h->mode = HPACK_INDEX;
	if (byte & 0x80) {
		h->flags = IS_INDEXED;
		most = 0x7f;
	} else if (byte & 0x40) {
		h->flags = IS_INSERTED;
		most = 0x3f;
	} else if (byte & 0x20) {
		h->flags = IS_TABLE_SIZE;
		most = 0x1f;
	}
	return begin_integer(r, d, h, byte, most);
}

/* The next byte of an integer, seven bits of it: up to 2^28. */
static __always_inline bool step_integer(struct reader *r, struct direction *d,
					 struct http2_direction *h, __u32 byte)
{
	if (h->shift > 21)
		return false;
	h->value += (byte & 0x7f) << h->shift;
	h->shift += 7;
	return byte & 0x80 || end_integer(r, d, h);
}

/* Takes as many of `available` bytes of a string as it has; returns how many. */
static __always_inline __u32 step_string_of_block(struct reader *r, struct direction *d,
						  struct http2_direction *h, __u32 index,
						  __u32 available)
{
	bool is_wanted = h->mode == HPACK_NAME_TEXT || h->field != FIELD_OTHER;
	__u64 *text = (__u64 *)h->text;
	__u32 n = 0, known = h->known;

	if (!is_wanted || known >= HPACK_TEXT) {
		n = available < h->value ? available : h->value;
	} else if (!known && available >= HPACK_TEXT) {
		n = h->value < HPACK_TEXT ? h->value : HPACK_TEXT;
		text[0] = lowest(load(r, index), n);
		text[1] = n > 8 ? lowest(load(r, index + 8), n - 8) : 0;
		text[2] = n > 16 ? lowest(load(r, index + 16), n - 16) : 0;
		h->known = n;
	} else {
		for (n = 0; n < HPACK_TEXT; n++) {
			known = READ_ONCE(h->known);
			if (n >= available || n >= h->value || known >= HPACK_TEXT)
				break;
			h->text[known] = r->scratch->bytes[index + n];
			*(volatile __u8 *)&h->known = known + 1;
		}
	}
	h->value -= n;
	if (!h->value)
		end_string(r, d, h);
	return n;
}

/*
 * Takes what there is of a field, of `available` bytes from an index on, or a part of it. Returns
 * how many bytes that was; 0 when they are no such field. Global, so that it is verified once.
 */
__noinline int hpack_step(struct connection *c, struct scratch *scratch, __u32 index,
			  __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct http2_direction *h;
	struct direction *d;
	__u32 byte;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	h = http2_direction_of(&r);
	index &= 2 * WINDOW - 1;
	byte = scratch->bytes[index];
	switch (h->mode) {
	case HPACK_FIELD:
		return step_field(&r, d, h, byte);
	case HPACK_NAME:
	case HPACK_VALUE:
		h->flags = byte & 0x80 ? h->flags | IS_HUFFMAN : h->flags & ~IS_HUFFMAN;
		h->mode++;
		return begin_integer(&r, d, h, byte, 0x7f);
	case HPACK_NAME_TEXT:
	case HPACK_VALUE_TEXT:
		return step_string_of_block(&r, d, h, index, available);
	default:
		return step_integer(&r, d, h, byte);
	}
}
