/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The sizes of the bodies of HTTP/1.x's messages (body_sizes.h), where they are wanted. */
#pragma once

#include "../body_sizes.h"
#include "../finish.h"
#include "../reader.h"
#include "http_message.h"

/*
 * The size of the body of the request that a response answers, as far as it has come: that of the
 * last one counted, or of one before it.
 */
static __always_inline __u64 answered_size(struct connection *c)
{
	struct direction *d = &c->directions[request_direction(c) & 1];
	bool in_body = d->mode == HTTP_BODY || d->mode == HTTP_CHUNK_DATA;
	bool in_head = d->mode < HTTP_BODY && !(d->mode == HTTP_FIRST && !d->carry_len) &&
		       !(d->flags & (IN_TRAILERS | IS_ANSWERED));

	/* What has begun since has none yet. */
	if (in_head || c->responses != c->requests)
		return take_size(c, c->responses - 1);
	return size_of(d) - (in_body ? d->left : 0);
}

/* Counts the sizes of a request that ends, of which this is the word, and of its response. */
static __always_inline void finish_sizes(struct connection *c, const struct direction *d,
					 __u64 word, enum l7_error error)
{
	__u64 size = size_of(d);

	if (d->mode == HTTP_BODY || d->mode == HTTP_CHUNK_DATA)
		size -= d->left;
	if (is_request(word))
		count_sizes(c, number_of(c, operation_of(word), d->status, error), answered_size(c),
			    size);
}

/* A request that waits is not answered any more. */
__noinline int count_closed_sizes(struct connection *c, __u32 number)
{
	return c ? count_sizes(c, number, answered_size(c), 0) : 0;
}

/*
 * The first byte of a message is there, and its direction's size is to be its own. That of the
 * request before waits when its response does.
 */
static __always_inline void begin_size(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	__u64 size;

	if (!sizes_wanted)
		return;
	size = size_of(d);
	if (size && is_of_requests(r) &&
	    (waiting_requests(c) > 0 ||
	     c->directions[(r->scratch->direction ^ 1) & 1].word & TAG_REQUEST))
		leave_size(c, c->requests - 1, size);
	set_size(d, 0);
}

/* The head says how long the body is, unless it comes in chunks. */
static __always_inline void declare_size(struct direction *d)
{
	if (sizes_wanted)
		set_size(d, (d->flags & (IS_CHUNKED | HAS_LENGTH)) == HAS_LENGTH ? d->left : 0);
}
