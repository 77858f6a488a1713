/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * HTTP/1.0 and 1.1 (RFC 9112): finds where each message begins and ends, in steps that each take
 * the rest of a line, a part of it, or all of a body that there is.
 */
#pragma once

#include "../bytes.h"
#include "../finish.h"
#include "../path.h"
#include "../reader.h"
#include "../steps.h"

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
 * Do these first bytes of a connection begin a request? Or a response: the call that sends the
 * request may not have returned yet.
 */
static __always_inline enum beginning http_begins(__u64 word, __u32 known)
{
	__u32 method = method_of(word, known);

	if (method && method != MAY_BE_METHOD)
		return BEGINS_REQUEST;
	if (known >= 7 && lowest(word, 7) == RESPONSE)
		return BEGINS_RESPONSE;
	return method || lowest(word, known) == lowest(RESPONSE, known) ? MAY_BEGIN : BEGINS_NOT;
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

static __always_inline void begin_message(struct direction *d)
{
	d->left = 0;
	d->word = 0;
	d->mode = HTTP_FIRST;
	d->flags = 0;
	d->status = 0;
	d->carry_len = 0;
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
		if (!((word - ones) & ~word & ones * 0x80))
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

/* Does a request's first line that ends with these bytes, and LF, name the protocol's version? */
static __always_inline bool has_version(__u64 last)
{
	return last >> 56 == '\r' ? lowest(last, 6) == BYTES8('T', 'T', 'P', '/', '1', '.', 0, 0) :
				    lowest(last, 7) == RESPONSE;
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
	index = r->scratch->position ? make_available(r, BEGINNING, &available) : -1;
	if (index < 0) {
		desynchronize(r->c, r->scratch->reason);
		return 0;
	}
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
	error = d->mode == HTTP_UNTIL_CLOSE ? ERROR_NONE : ERROR_TRUNCATED;
	finish_word(c, word, d->status, error, now);
	if (sizes_wanted && word)
		finish_sizes(c, d, word, error);
	d->flags = 0;
	d->word = 0;
	d->mode = MODE_OPAQUE;
}
