/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Bodies of HTTP/1.x's messages: chunks, what is stepped over, and bodies that do not come although
 * a head has announced them.
 */
#pragma once

#include "http_ends.h"
#include "http_lines.h"

static __always_inline void end_size_line(struct direction *d)
{
	if (d->left) {
		add_to_size(d, d->left);
		d->mode = HTTP_CHUNK_DATA;
	} else {
		d->flags |= IN_TRAILERS;
		d->mode = HTTP_HEADER;
	}
}

static __always_inline void take_size_byte(struct direction *d, __u32 byte)
{
	__u32 letter = (byte | 0x20) - 'a';

	if (byte == '\n')
		end_size_line(d);
	else if (byte - '0' < 10)
		d->left = d->left << 4 | (byte - '0');
	else if (letter < 6)
		d->left = d->left << 4 | (letter + 10);
	else if (byte != '\r')
		d->mode = HTTP_CHUNK_EXTENSION;
}

/* Takes a body's bytes, or those of a part of it. */
static __always_inline void step_over(struct reader *r, struct direction *d)
{
	__u32 bytes = d->left < r->scratch->left ? d->left : r->scratch->left;

	d->left -= bytes;
	consume(r, bytes);
	if (d->left)
		return;
	if (d->mode == HTTP_BODY)
		end_message(r, d);
	else
		d->mode = HTTP_CHUNK_END;
}

/*
 * Before the first byte of a body that the server has to ask for, when it has answered already: is
 * there another request instead? A client that waits for `100 Continue` does not send the body when
 * the response is a final one. True when the bytes have been taken, or another message begins.
 */
static __always_inline bool is_body_left_out(struct reader *r, struct direction *d)
{
	__u32 known = d->carry_len & 7, more, available, method;
	__u64 word;
	int index;

	if (!is_of_requests(r) || r->c->requests != r->c->responses || !r->scratch->position)
		goto no;
	index = make_available(r, 8, &available);
	if (index < 0)
		goto no;
	more = available < 8 - known ? available : 8 - known;
	word = d->carry[0] & -(__u64)(known != 0);
	word |= lowest(load(r, index), more) << (8 * known);
	method = method_of(word, known + more);
	if (method == MAY_BE_METHOD && d->mode == HTTP_BODY && d->left > 8) {
		d->carry[0] = word;
		d->carry_len = known + more;
		consume(r, more);
		return true;
	}
	if (!method || method == MAY_BE_METHOD)
		goto no;
	begin_message(d);
	begin_size(r, d);
	d->word = now_of(r);
	d->carry[0] = lowest(word, known);
	d->carry[1] = 0;
	d->carry_len = known;
	return true;
no:
	/* What is in the carry was of the body. */
	d->left -= d->mode == HTTP_BODY ? known : 0;
	d->carry_len = 0;
	d->flags &= ~HAS_EXPECT;
	return false;
}

/*
 * Before bytes of a response's body, when the request had not been seen at its head: has it been by
 * now? True when there is no body, and these bytes are another message's.
 */
static __always_inline bool resolve_unknown(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	__u64 word = pop_late_request(c);
	__u32 has_begun = d->flags & HAS_BEGUN;

	if (!word) {
		d->flags |= HAS_BEGUN;
		return false;
	}
	d->word = word;
	if (!is_without_body(word, d->status))
		return false;
	begin_message(d);
	if (operation_of(word) == METHOD_CONNECT) {
		c->is_tunnel = 1;
		d->mode = MODE_OPAQUE;
	} else if (has_begun) {
		/* They were not a body's, but the next response's. */
		desynchronize(c, REASON_GAP);
	}
	return true;
}
