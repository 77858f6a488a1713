/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A message of HTTP/1.x in its direction: what is waited for next, what its head has said of it,
 * and how it begins.
 */
#pragma once

#include "../connection.h"

enum http_mode {
	HTTP_FIRST = MODE_PROTOCOL, /* at or in the beginning of a message's first line */
	HTTP_LINE,		    /* the rest of a line of the head or the trailers */
	HTTP_HEADER,		    /* at or in the beginning of such a line, but the first */
	HTTP_LENGTH,		    /* in the value of Content-Length */
	HTTP_ENCODING,		    /* in the value of Transfer-Encoding */
	HTTP_BODY,		    /* `left` bytes */
	HTTP_CHUNK_SIZE,	    /* in the digits of a chunk's size */
	HTTP_CHUNK_EXTENSION,	    /* in the rest of that line */
	HTTP_CHUNK_DATA,	    /* `left` bytes */
	HTTP_CHUNK_END,		    /* before the end of line that follows them */
	HTTP_UNTIL_CLOSE,	    /* a body that ends with the connection */
};

/* Of a message. */
#define HAS_LENGTH 1
#define IS_CHUNKED 2
#define HAS_EXPECT 4 /* its body comes only when the server wants it */
#define IN_TRAILERS 8
#define IS_ANSWERED 16 /* the response to this request began before its head's end */
#define IN_FIRST_LINE 32
#define HAS_BEGUN 64 /* bytes have been taken for the body of a response to an unknown request */

/* Words of src/signals/l7/http.ts, by their place. */
enum http_method {
	METHOD_OTHER,
	METHOD_GET,
	METHOD_HEAD,
	METHOD_POST,
	METHOD_PUT,
	METHOD_DELETE,
	METHOD_CONNECT,
	METHOD_OPTIONS,
	METHOD_TRACE,
	METHOD_PATCH,
	METHODS,
};

static __always_inline void begin_message(struct direction *d)
{
	d->left = 0;
	d->word = 0;
	d->mode = HTTP_FIRST;
	d->flags = 0;
	d->status = 0;
	d->carry_len = 0;
}
