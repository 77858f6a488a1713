/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/2 (RFC 9113) in cleartext: frames, of which each says how long it is. Header blocks are read
 * (hpack.h); of the other frames, only their lengths and what ends a stream matter. A request is a
 * stream of an odd number (streams.h); a step takes a frame's header, a part of a header block, or
 * all of a payload that there is.
 */
#pragma once

#include "../steps.h"
#include "header_blocks.h"
#include "hpack.h"

enum http2_mode {
	HTTP2_FRAME = MODE_PROTOCOL, /* at or in a frame's header, which is in the carry */
	HTTP2_PREFIX,		     /* before a header block, or in a reset: in the carry too */
	HTTP2_BLOCK,		     /* in a header block */
	HTTP2_PAYLOAD,		     /* `left` bytes that say nothing, padding among them */
};

/* A direction's `kind`. */
enum http2_frame {
	FRAME_DATA,
	FRAME_HEADERS,
	FRAME_PRIORITY,
	FRAME_RST_STREAM,
	FRAME_SETTINGS,
	FRAME_PUSH_PROMISE,
	FRAME_PING,
	FRAME_GOAWAY,
	FRAME_WINDOW_UPDATE,
	FRAME_CONTINUATION,
};

#define FRAME_HEADER 9

/* A direction's flags: those of frames, IS_GRPC, HAS_PART, and that a block goes on: IN_BLOCK. */
#define FRAME_END_STREAM 0x01
#define FRAME_END_HEADERS 0x04
#define FRAME_PADDED 0x08
#define FRAME_HAS_PRIORITY 0x20
#define FRAME_FLAGS (FRAME_END_STREAM | FRAME_END_HEADERS | FRAME_PADDED | FRAME_HAS_PRIORITY)
#define IN_BLOCK 0x40
#define IS_PROMISE 0x80 /* the block is a request that the server makes up */

/* What a client begins with, as long as a frame's header; so many bytes of it follow. */
#define PREFACE BYTES8('P', 'R', 'I', ' ', '*', ' ', 'H', 'T')
#define PREFACE_REST 15
#define PREFACE_KIND 0x20 /* no frame's type */

struct frame {
	__u32 length;
	__u32 type;
	__u32 flags;
	__u32 stream;
};

/* A frame's header from its first eight bytes, and the ninth. */
static __always_inline struct frame frame_of(__u64 low, __u32 ninth)
{
	return (struct frame){
		.length = (low & 0xff) << 16 | (low & 0xff00) | (low >> 16 & 0xff),
		.type = low >> 24 & 0xff,
		.flags = low >> 32 & 0xff,
		.stream = (low >> 40 & 0x7f) << 24 | (low >> 48 & 0xff) << 16 | (low >> 56) << 8 |
			  (ninth & 0xff),
	};
}

/* Bytes before a header block, or those of a short payload that matters. */
static __always_inline __u32 prefix_length(__u32 type, __u32 flags)
{
	__u32 padded = flags & FRAME_PADDED ? 1 : 0;

	switch (type) {
	case FRAME_HEADERS:
		return padded + (flags & FRAME_HAS_PRIORITY ? 5 : 0);
	case FRAME_PUSH_PROMISE:
		return padded + 4;
	case FRAME_RST_STREAM:
		return 4;
	default:
		return 0;
	}
}

/* May there be such a frame? Types that are not known may be anything. */
static __always_inline bool is_frame(const struct frame *frame)
{
	switch (frame->type) {
	case FRAME_DATA:
		return frame->stream;
	case FRAME_HEADERS:
	case FRAME_PUSH_PROMISE:
	case FRAME_CONTINUATION:
		return frame->stream && prefix_length(frame->type, frame->flags) <= frame->length;
	case FRAME_PRIORITY:
		return frame->stream && frame->length == 5;
	case FRAME_RST_STREAM:
		return frame->stream && frame->length == 4;
	case FRAME_SETTINGS:
		return !frame->stream && frame->length % 6 == 0;
	case FRAME_PING:
		return !frame->stream && frame->length == 8;
	case FRAME_GOAWAY:
		return !frame->stream && frame->length >= 8;
	case FRAME_WINDOW_UPDATE:
		return frame->length == 4;
	default:
		return true;
	}
}

/*
 * Does a connection begin so: with the client's preface? Or with the server's settings, which it
 * may send before that has come: a frame of less than 256 bytes on stream 0.
 */
static __always_inline enum beginning http2_begins(__u64 word, __u32 known)
{
	const __u64 settings = BYTES8(0, 0, 0, FRAME_SETTINGS, 0, 0, 0, 0);

	if (lowest(word, known) == lowest(PREFACE, known))
		return known >= 8 ? BEGINS_REQUEST : MAY_BEGIN;
	if (lowest(word & ~0xff0000ull, known) != lowest(settings, known))
		return BEGINS_NOT;
	if (known < 8)
		return MAY_BEGIN;
	return (word >> 16 & 0xff) % 6 == 0 ? BEGINS_RESPONSE : BEGINS_NOT;
}

/* A request's head is whole. It is followed when the response can be. */
static __always_inline void take_request_head(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	struct streams_state *state = streams_state(c);
	__u32 other = r->scratch->direction == SENT ? RECEIVED : SENT;

	if (d->elements <= http2_of(c)->highest || !(d->elements & 1))
		return;
	if (state->known_from == NEVER && c->directions[other].mode >= HTTP2_FRAME)
		state->known_from = d->elements;
	if (state->known_from != NEVER)
		open_stream(c, d->elements,
			    request_word(d->word, d->operation,
					 d->flags & IS_GRPC ? TRAIT_GRPC : 0));
	http2_of(c)->highest = d->elements;
}

/* A response's head, an interim one, or trailers. */
static __always_inline void take_response_head(struct reader *r, struct direction *d)
{
	bool is_end = d->flags & FRAME_END_STREAM;

	if (d->status >= 100 && d->status < 200 && !is_end)
		return;
	answer_stream(r->c, d->elements, d->status, d->operation);
	if (is_end || is_tunnel_stream(r->c, d->elements, METHOD_CONNECT))
		close_stream(r->c, d->elements, now_of(r), is_end ? MAY_BE_LOST : 0);
}

/*
 * A frame is whole. False when it is none that there may be. Global, so that it is verified once.
 */
__noinline int http2_end_frame(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return false;
	d = direction_of(&r);
	d->mode = HTTP2_FRAME;
	switch (d->kind) {
	case FRAME_DATA:
		if (d->flags & FRAME_END_STREAM && !is_of_requests(&r))
			close_stream(c, d->elements, call_time(c, scratch), MAY_BE_LOST);
		break;
	case FRAME_HEADERS:
	case FRAME_PUSH_PROMISE:
	case FRAME_CONTINUATION:
		if (!(d->flags & FRAME_END_HEADERS)) {
			d->flags |= IN_BLOCK;
			break;
		}
		d->flags &= ~IN_BLOCK;
		if (http2_direction_of(&r)->mode != HPACK_FIELD)
			return false;
		if (d->flags & IS_PROMISE || !(d->elements & 1))
			break;
		if (is_of_requests(&r))
			take_request_head(&r, d);
		else
			take_response_head(&r, d);
		break;
	}
	return true;
}

/* Behind a part of a frame: what does it wait for now? */
static __always_inline bool go_on(struct reader *r, struct direction *d)
{
	if (d->mode == HTTP2_BLOCK && d->left == http2_direction_of(r)->padding)
		d->mode = HTTP2_PAYLOAD;
	return d->mode != HTTP2_PAYLOAD || d->left || http2_end_frame(r->c, r->scratch);
}

static __always_inline void begin_payload(struct direction *d)
{
	d->mode = d->kind == FRAME_HEADERS || d->kind == FRAME_PUSH_PROMISE ||
				  d->kind == FRAME_CONTINUATION ?
			  HTTP2_BLOCK :
			  HTTP2_PAYLOAD;
}

static __always_inline bool begin_frame(struct reader *r, struct direction *d, __u64 low,
					__u32 ninth)
{
	struct http2_direction *h = http2_direction_of(r);
	struct frame frame = frame_of(low, ninth);
	bool goes_on = d->flags & IN_BLOCK;

	if (low == PREFACE && is_of_requests(r)) {
		frame = (struct frame){ .length = PREFACE_REST, .type = PREFACE_KIND };
		if (blocks_wanted && !http2_of(r->c)->parts)
			http2_of(r->c)->parts = TABLE_IS_WHOLE;
	}
	if (goes_on != (frame.type == FRAME_CONTINUATION) ||
	    (goes_on && frame.stream != d->elements) || !is_frame(&frame))
		return false;
	d->left = frame.length;
	d->kind = frame.type;
	d->elements = frame.stream;
	h->padding = 0;
	if (goes_on)
		d->flags |= frame.flags & FRAME_END_HEADERS;
	else
		d->flags = frame.flags & FRAME_FLAGS;
	if (frame.type == FRAME_HEADERS || frame.type == FRAME_PUSH_PROMISE) {
		h->mode = HPACK_FIELD;
		d->status = 0;
		d->operation = is_of_requests(r) ? METHOD_UNKNOWN : 0;
		if (frame.type == FRAME_PUSH_PROMISE)
			d->flags = (d->flags & ~FRAME_END_STREAM) | IS_PROMISE;
	}
	if (prefix_length(frame.type, frame.flags))
		d->mode = HTTP2_PREFIX;
	else
		begin_payload(d);
	return true;
}

/* Takes bytes into the carry until there are so many. False when there are not yet. */
static __always_inline bool fill_carry(struct reader *r, struct direction *d, __u32 index,
				       __u32 available, __u32 wanted)
{
	__u8 *bytes = (__u8 *)d->carry;
	__u32 n, length;

	for (n = 0; n < FRAME_HEADER; n++) {
		/* From memory, so that the verifier does not tell its values apart. */
		length = READ_ONCE(d->carry_len);
		if (n >= available || length >= wanted)
			break;
		bytes[length & (BEGINNING - 1)] = r->scratch->bytes[index + n];
		*(volatile __u8 *)&d->carry_len = length + 1;
	}
	consume(r, n);
	return READ_ONCE(d->carry_len) >= wanted;
}

/* A frame's header, or a part of it. Global, so that it is verified once; so are others here. */
__noinline int http2_header(struct connection *c, struct scratch *scratch, __u32 index,
			    __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u64 low;
	__u32 ninth;

	if (!c || !scratch)
		return false;
	d = direction_of(&r);
	index &= WINDOW - 1;
	if (!d->carry_len && is_of_requests(&r))
		d->word = d->flags & IN_BLOCK ? d->word : call_time(c, scratch);
	if (!d->carry_len && available >= FRAME_HEADER) {
		low = load(&r, index);
		ninth = scratch->bytes[index + 8];
		consume(&r, FRAME_HEADER);
	} else if (fill_carry(&r, d, index, available, FRAME_HEADER)) {
		low = d->carry[0];
		ninth = d->carry[1] & 0xff;
	} else {
		return true;
	}
	d->carry_len = 0;
	return begin_frame(&r, d, low, ninth) && go_on(&r, d);
}

/* What comes before a header block, or a reset's code. */
__noinline int http2_prefix(struct connection *c, struct scratch *scratch, __u32 index,
			    __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 wanted;

	if (!c || !scratch)
		return false;
	d = direction_of(&r);
	index &= WINDOW - 1;
	wanted = prefix_length(d->kind, d->flags);
	if (!fill_carry(&r, d, index, available, wanted))
		return true;
	d->carry_len = 0;
	d->left -= wanted;
	if (d->kind == FRAME_RST_STREAM)
		close_stream(c, d->elements, call_time(c, scratch),
			     IS_RESET | (d->carry[0] & 0xffffffff ? MAY_BE_LOST : 0));
	else if (d->flags & FRAME_PADDED)
		http2_direction_of(&r)->padding = d->carry[0] & 0xff;
	begin_payload(d);
	return d->left >= http2_direction_of(&r)->padding && go_on(&r, d);
}

/* Parts of fields that a step takes at most. */
#define FIELDS_AT_ONCE 8

/* A part of a header block. */
__noinline int http2_block(struct connection *c, struct scratch *scratch, __u32 index,
			   __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 n, left, used;

	if (!c || !scratch)
		return false;
	d = direction_of(&r);
	if (blocks_wanted && is_of_requests(&r) && scratch->left <= scratch->unsent)
		send_block(c, scratch, d->left - http2_direction_of(&r)->padding,
			   d->flags & FRAME_END_HEADERS);
	for (n = 0; n < FIELDS_AT_ONCE; n++) {
		left = d->left - http2_direction_of(&r)->padding;
		if (!left || !available)
			break;
		used = hpack_step(c, scratch, index, available < left ? available : left);
		if (!used)
			return false;
		consume(&r, used);
		d->left -= used;
		index += used;
		available -= used;
	}
	return go_on(&r, d);
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long http2_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0, bytes;
	bool is_well;
	int index;

	if (!r->scratch->left || take_rest(r, d))
		return 1;
	if (d->mode == HTTP2_PAYLOAD) {
		bytes = d->left < r->scratch->left ? d->left : r->scratch->left;
		d->left -= bytes;
		consume(r, bytes);
		if (!go_on(r, d))
			desynchronize(r->c, REASON_MALFORMED);
		return 0;
	}
	index = next_bytes(r, 2 * BEGINNING, &available, WINDOW);
	if (index < 0)
		return 0;
	switch (d->mode) {
	case HTTP2_FRAME:
		is_well = http2_header(r->c, r->scratch, index, available);
		break;
	case HTTP2_PREFIX:
		is_well = http2_prefix(r->c, r->scratch, index, available);
		break;
	default:
		is_well = http2_block(r->c, r->scratch, index, available);
	}
	if (!is_well)
		desynchronize(r->c, REASON_MALFORMED);
	return 0;
}

__noinline int http2_take(struct connection *c, struct scratch *scratch, __u64 address, __u64 bytes,
			  __u32 how)
{
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return 0;
	begin_reading(&r, address, bytes, how);
	bpf_loop(MOST_STEPS, http2_step, &r, 0);
	return 0;
}

static __always_inline bool http2_needs_no_bytes(struct connection *c, __u32 direction, __u64 bytes)
{
	return lies_in_left(c, direction, HTTP2_PAYLOAD, bytes);
}
