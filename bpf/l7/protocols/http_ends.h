/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where heads and messages of HTTP/1.x end: which request a response answers, whether a body
 * follows, and when both are counted.
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "http_sizes.h"

/* Has the response of such a status to a request, of which this is the word, no body at all? */
static __always_inline bool is_without_body(__u64 word, __u32 status)
{
	__u32 method = operation_of(word);

	return method == METHOD_HEAD || (method == METHOD_CONNECT && status / 100 == 2);
}

/*
 * A response that ends, of which the request had not been seen before: the request's word when it
 * is to be counted now, since it came while the response was under way. What has no body has been
 * counted as soon as it came (end_request_head()).
 */
static __always_inline __u64 end_unknown(struct connection *c, __u64 time, __u32 status)
{
	__u64 word = push_response(c, time, status, 0);

	return is_without_body(word, status) ? 0 : word;
}

/* The message whose last byte has been taken is whole. */
static __always_inline void end_message(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	__u64 word = d->word;

	if (!is_of_requests(r)) {
		if (is_unknown(d))
			word = end_unknown(c, now_of(r), d->status);
		finish_word(c, word, d->status, ERROR_NONE, now_of(r));
		if (sizes_wanted && word)
			finish_sizes(c, d, word, ERROR_NONE);
		else if (sizes_wanted)
			leave_size(c, (__u32)(c->responses - 1) | OF_RESPONSE, size_of(d));
	}
	begin_message(d);
}

/*
 * The response to a request, or its head, came before the request was seen. With a body, the
 * response counts it when it ends.
 */
static __always_inline void finish_early(struct connection *c, const struct direction *d,
					 __u64 request, __u64 response)
{
	__u32 number = c->requests - 1;

	if (response & TAG_HEAD) {
		if (!is_without_body(request, operation_of(response)))
			return;
		mark_counted(c, request);
	}
	finish_answered(c, request, response);
	if (sizes_wanted)
		count_sizes(c,
			    number_of(c, operation_of(request), operation_of(response), ERROR_NONE),
			    size_of(d), take_size(c, number | OF_RESPONSE));
}

static __always_inline void begin_body(struct reader *r, struct direction *d)
{
	declare_size(d);
	if (d->flags & IS_CHUNKED) {
		d->left = 0;
		d->mode = HTTP_CHUNK_SIZE;
	} else if (d->flags & HAS_LENGTH && d->left) {
		d->mode = HTTP_BODY;
	} else {
		end_message(r, d);
	}
}

static __always_inline void end_request_head(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	__u64 word = request_word(d->word, d->operation, 0), response;

	declare_size(d);
	if (!(d->flags & IS_ANSWERED)) {
		response = push_request(c, word);
		if (response == WORD_LOST)
			count_lost(c, REASON_MAP_FULL, 1);
		else if (response)
			finish_early(c, d, word, response);
	}
	begin_body(r, d);
}

/*
 * A response whose request's head is not whole: the server has refused what it has read of it. The
 * request ends with this response.
 */
static __always_inline __u64 refused_request(struct connection *c)
{
	struct direction *requests = &c->directions[request_direction(c) & 1];

	if (requests->mode < HTTP_FIRST || requests->mode > HTTP_ENCODING ||
	    requests->flags & (IN_TRAILERS | IS_ANSWERED))
		return 0;
	if (requests->mode == HTTP_FIRST) {
		if (!requests->carry_len)
			return 0;
		requests->operation = METHOD_OTHER;
	}
	requests->flags |= IS_ANSWERED;
	return request_word(requests->word, requests->operation, 0);
}

/*
 * A Unix socket's end is found later than it comes: the response's time is that of its last bytes.
 */
static __always_inline void note_last(struct reader *r, struct direction *d)
{
	d->carry[0] = r->c->is_unix ? now_of(r) : 0;
}

static __always_inline void end_response_head(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	__u32 status = d->status, method;

	if (status >= 100 && status < 200 && status != 101) {
		begin_message(d);
		return;
	}
	d->word = pop_request(c);
	if (!d->word)
		d->word = refused_request(c);
	if (!d->word)
		d->word = push_response(c, now_of(r), status, TAG_HEAD);
	if (!d->word)
		d->word = TAG_RESPONSE;
	method = d->word & TAG_REQUEST ? operation_of(d->word) : METHOD_OTHER;
	if (status == 101 || (method == METHOD_CONNECT && status / 100 == 2)) {
		end_message(r, d);
		c->is_tunnel = 1;
		d->mode = MODE_OPAQUE;
	} else if (method == METHOD_HEAD || status == 204 || status == 304) {
		end_message(r, d);
	} else if (d->flags & (IS_CHUNKED | HAS_LENGTH)) {
		begin_body(r, d);
	} else {
		d->mode = HTTP_UNTIL_CLOSE;
		note_last(r, d);
	}
}

/* Global, so that it is verified once. */
__noinline int end_head(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	d->carry_len = 0;
	if (d->flags & IN_TRAILERS)
		end_message(&r, d);
	else if (is_of_requests(&r))
		end_request_head(&r, d);
	else
		end_response_head(&r, d);
	return 0;
}
