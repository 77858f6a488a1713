/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * DNS (RFC 1035): a message is a header of 12 bytes, a question, and records. Over UDP a datagram
 * is a message (datagram.h); over TCP its length stands before each.
 */
#pragma once

#include "dns_questions.h"
#include "../steps.h"

#define DNS_PORT 53

enum dns_mode {
	DNS_LENGTH = MODE_PROTOCOL, /* at the length of a message */
	DNS_HEADER,		    /* in its header, which the carry takes */
	DNS_NAME,		    /* in the name of its question */
	DNS_TYPE,		    /* in the type and class behind it: the carry's last bytes */
	DNS_RECORD,		    /* in the first record behind the question */
	DNS_REST,
};

/*
 * Of a direction: `left` has the bytes of the message that are to come, `elements` the hash of its
 * question, `operation` the question's type, `kind` the bytes of a label or the place in a record,
 * `status` the upper bits of the response's code.
 */

#define DNS_HEADER_LEN 12
#define DNS_TYPE_LEN 4

/* Bytes of a record that say whether it is EDNS's, and the upper bits of the code (RFC 6891). */
#define DNS_RECORD_LEN 6
#define DNS_OPT 41

#define DNS_AXFR 252
#define DNS_IXFR 251

/* The header's third byte, and the lower half of the fourth. */
#define DNS_IS_RESPONSE 0x80
#define DNS_OPCODE 0x78
#define DNS_IS_TRUNCATED 0x02
#define DNS_RCODE 0x0f

/* Types that have a name, a bit each (src/signals/l7/dns.ts); others are counted as one. */
#define DNS_TYPES 1024
const volatile __u64 dns_types[DNS_TYPES / 64];

/* A pipeline of the largest messages with the shortest questions takes so many steps for a call. */
#define DNS_MOST_STEPS (1 << 20)

/* FNV-1a */
#define DNS_HASH_START 0x811c9dc5u
#define DNS_HASH_PRIME 0x01000193u

static __always_inline bool is_dns_port(const struct connection *c)
{
	struct sock *sk = (void *)c->sock;

	return !c->is_unix && (local_port(sk) == DNS_PORT || remote_port(sk) == DNS_PORT);
}

/* What a message over TCP is, by its first eight bytes: length, id, flags, number of questions. */
static __always_inline enum beginning dns_message_begins(__u64 word)
{
	__u32 length = (word & 0xff) << 8 | (word >> 8 & 0xff);
	__u32 flags = word >> 32 & 0xff, code = word >> 40 & 0xff;
	__u32 questions = word >> 48;

	/* At most one question: 1 in network order. */
	if (length < DNS_HEADER_LEN || questions & ~0x100)
		return BEGINS_NOT;
	if (flags & DNS_IS_RESPONSE)
		return BEGINS_RESPONSE;
	return code & DNS_RCODE ? BEGINS_NOT : BEGINS_REQUEST;
}

/* Does a connection begin so? It has to be to or from the port of DNS. */
__noinline int dns_begins(struct connection *c, __u64 word, __u32 known)
{
	if (!c || !is_dns_port(c))
		return BEGINS_NOT;
	if (known < 8)
		return MAY_BEGIN;
	return dns_message_begins(word) == BEGINS_REQUEST ? BEGINS_REQUEST : BEGINS_NOT;
}

__noinline int dns_resumes(struct connection *c, struct scratch *scratch, __u32 known)
{
	if (!c || !scratch || known < 8 || !is_dns_port(c))
		return BEGINS_NOT;
	return dns_message_begins(*(const __u64 *)scratch->bytes);
}

static __always_inline bool is_dns_response(const struct direction *d)
{
	return d->carry[0] >> 16 & DNS_IS_RESPONSE;
}

static __always_inline __u32 dns_id(const struct direction *d)
{
	return d->carry[0] & QUESTION_ID;
}

/*
 * How many there are of a part of the message: 0 questions, 1 answers, 2 authority, 3 additional.
 */
static __always_inline __u32 dns_count(const struct direction *d, __u32 part)
{
	const __u8 *bytes = (const __u8 *)d->carry + 4 + 2 * part;

	return bytes[0] << 8 | bytes[1];
}

static __always_inline void begin_dns_message(struct direction *d)
{
	d->left = 0;
	d->carry[0] = 0;
	d->carry[1] = 0;
	d->status = 0;
	d->mode = DNS_LENGTH;
	d->carry_len = 0;
	d->kind = 0;
	d->operation = 0;
	d->elements = 0;
}

static __always_inline void take_of_message(struct reader *r, struct direction *d, __u32 bytes)
{
	d->left -= bytes;
	consume(r, bytes);
}

/* The message's outcome as a part of a request's number: its code, and whether it was cut. */
static __always_inline __u32 outcome_of(const struct direction *d)
{
	__u32 code = (__u32)d->status << 4 | (d->carry[0] >> 24 & DNS_RCODE);
	bool is_cut = d->carry[0] >> 16 & DNS_IS_TRUNCATED;

	/* 0 is no response. */
	return (code < 1022 ? code + 1 : 1023) | (is_cut ? ERROR_TRUNCATED << ERROR_SHIFT : 0);
}

/* A zone is transferred in messages that all answer one question. */
static __always_inline bool is_transfer(__u32 operation)
{
	return operation == DNS_AXFR || operation == DNS_IXFR;
}

/* Counts an answer that came on a connection; false when no question waits for it there. */
static __always_inline bool take_answer_of_connection(struct connection *c, struct direction *d,
						      __u64 now)
{
	__u64 key = short_key(dns_id(d), d->elements);
	__u64 word = remove_question(c, dns_place_of(c, key, d->elements ? ~0ull : QUESTION_ID));

	if (!word)
		return false;
	if (is_transfer(operation_of(word)))
		*dns_state(c) = (struct dns_state){ .is_transfer = 1, .transfer_id = dns_id(d) };
	name_question(c, d->elements, now, duration_since(word, now));
	finish(c, number_of(c, operation_of(word), 0, ERROR_NONE) | outcome_of(d), now,
	       duration_since(word, now));
	return true;
}

/* Counts an answer, or leaves it for its question. */
static __always_inline void take_dns_answer(struct reader *r, struct direction *d)
{
	struct dns_state *state = dns_state(r->c);
	__u64 now = now_of(r);
	bool is_known = (!state->datagram && take_answer_of_connection(r->c, d, now)) ||
			dns_take_answer(r->c, dns_id(d), d->elements, outcome_of(d), now) ||
			(state->is_transfer && state->transfer_id == dns_id(d));

	if (!is_known && state->datagram == DATAGRAM_MAYBE &&
	    (dns_count(d, 0) != 1 || d->carry[0] >> 16 & DNS_OPCODE))
		return;
	if (state->datagram)
		state->datagram = DATAGRAM_MESSAGE;
	if (!is_known)
		dns_leave_answer(r->c, dns_id(d), d->elements, outcome_of(d), now);
}

/* A message is whole. */
__noinline int dns_end_message(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct dns_state *state;
	struct direction *d;
	__u64 now;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	state = dns_state(c);
	if (!is_dns_response(d)) {
		now = state->datagram ? now_of(&r) : d->word;
		if (!dns_take_early_answer(c, dns_id(d), d->elements, d->operation, now) &&
		    (state->datagram ||
		     !dns_wait_on_connection(c, short_key(dns_id(d), d->elements),
					     request_word(now, d->operation, 0))))
			dns_wait(c, dns_id(d), d->elements, d->operation, now);
	} else {
		take_dns_answer(&r, d);
	}
	begin_dns_message(d);
	return 0;
}

/* The bytes of the message's length, at most two. */
static __always_inline bool step_length(struct reader *r, struct direction *d, __u32 index)
{
	__u32 byte = r->scratch->bytes[index];

	if (!d->carry_len) {
		d->word = now_of(r);
		d->left = byte << 8;
		d->carry_len = 1;
	} else {
		d->left |= byte;
		d->carry_len = 0;
		d->mode = DNS_HEADER;
		if (d->left < DNS_HEADER_LEN)
			return false;
	}
	consume(r, 1);
	return true;
}

/* What follows the question. */
static __always_inline void end_question(struct direction *d)
{
	bool may_have_code = is_dns_response(d) && !dns_count(d, 1) && !dns_count(d, 2) &&
			     dns_count(d, 3);

	d->kind = 0;
	d->carry_len = 0;
	d->mode = may_have_code ? DNS_RECORD : DNS_REST;
}

/* The role that a message gives its receiver or sender; of a connection's, it must be the same. */
static __always_inline bool take_role(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	__u32 role = is_dns_response(d) == (r->scratch->direction == SENT) ? ROLE_SERVER :
									     ROLE_CLIENT;
	__u8 datagram = dns_state(c)->datagram;

	if (!datagram)
		return c->role == role;
	if (datagram == DATAGRAM_MAYBE && !is_dns_response(d))
		return false;
	c->role = role;
	return true;
}

/*
 * Is the name of this message kept? Of those of TCP, that of an answer, since the other direction
 * may be taken on another CPU.
 */
static __always_inline bool has_name(struct connection *c, const struct direction *d)
{
	return dns_state(c)->datagram || is_dns_response(d);
}

/* Bytes of the header. */
__noinline int dns_header(struct connection *c, struct scratch *scratch, __u32 index,
			  __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 n, known;
	__u8 *bytes;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	index &= WINDOW - 1;
	known = d->carry_len;
	if (!known && available >= DNS_HEADER_LEN) {
		d->carry[0] = load(&r, index);
		d->carry[1] = load(&r, index + 8) & 0xffffffff;
		n = DNS_HEADER_LEN;
	} else {
		bytes = (__u8 *)d->carry;
		for (n = 0; n < DNS_HEADER_LEN; n++) {
			if (n >= available || known + n >= DNS_HEADER_LEN)
				break;
			bytes[(known + n) & 15] = scratch->bytes[index + n];
		}
	}
	take_of_message(&r, d, n);
	d->carry_len = known + n;
	if (known + n < DNS_HEADER_LEN)
		return true;
	if (!take_role(&r, d))
		return false;
	if (!dns_count(d, 0)) {
		end_question(d);
	} else {
		d->elements = DNS_HASH_START;
		d->mode = DNS_NAME;
		if (names_wanted && has_name(c, d))
			c->path_length = 0;
	}
	return true;
}

/*
 * Bytes of the question's name: labels, each behind its length, up to an empty one. In the hash
 * letters are in lower case.
 */
__noinline int dns_name(struct connection *c, struct scratch *scratch, __u32 index, __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 n, byte, hash, label;
	struct direction *d;
	bool is_end = false;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	index &= WINDOW - 1;
	if (available > d->left)
		available = d->left;
	if (names_wanted && !scratch->is_path_taken && has_name(c, d))
		add_to_path(c, scratch);
	hash = d->elements;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || is_end)
			break;
		byte = scratch->bytes[index + n];
		/* From memory, so that the verifier does not tell its values apart. */
		label = READ_ONCE(d->kind);
		if (label) {
			if (byte - 'A' < 26)
				byte |= 'a' - 'A';
			*(volatile __u8 *)&d->kind = label - 1;
		} else {
			/* A question's name points nowhere (RFC 1035, section 4.1.4). */
			if (byte > 63)
				return false;
			is_end = !byte;
			*(volatile __u8 *)&d->kind = byte;
		}
		hash = (hash ^ byte) * DNS_HASH_PRIME;
	}
	d->elements = hash;
	take_of_message(&r, d, n);
	if (is_end)
		d->mode = DNS_TYPE;
	return true;
}

static __always_inline __u32 known_type(__u32 type)
{
	return type < DNS_TYPES && dns_types[type / 64 & (DNS_TYPES / 64 - 1)] >> (type & 63) & 1 ?
		       type :
		       0;
}

/* Bytes of the question's type and class. */
__noinline int dns_type(struct connection *c, struct scratch *scratch, __u32 index, __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 n, known, word;
	__u8 *bytes;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	index &= WINDOW - 1;
	if (available > d->left)
		available = d->left;
	known = d->carry_len;
	bytes = (__u8 *)d->carry;
	for (n = 0; n < DNS_TYPE_LEN; n++) {
		if (n >= available || known + n >= DNS_HEADER_LEN + DNS_TYPE_LEN)
			break;
		bytes[(known + n) & 15] = scratch->bytes[index + n];
	}
	take_of_message(&r, d, n);
	d->carry_len = known + n;
	if (known + n < DNS_HEADER_LEN + DNS_TYPE_LEN)
		return true;
	word = d->carry[1] >> 32;
	d->operation = known_type((word & 0xff) << 8 | (word >> 8 & 0xff));
	d->elements = (d->elements ^ word) * DNS_HASH_PRIME;
	/* 0 is no question. */
	d->elements += !d->elements;
	end_question(d);
	return true;
}

/* Bytes of the first record behind the question: of EDNS's, the fifth one is of the code. */
__noinline int dns_record(struct connection *c, struct scratch *scratch, __u32 index,
			  __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 n, byte, place = 0, wanted;
	struct direction *d;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	index &= WINDOW - 1;
	if (available > d->left)
		available = d->left;
	for (n = 0; n < DNS_RECORD_LEN; n++) {
		place = READ_ONCE(d->kind);
		if (n >= available || place >= DNS_RECORD_LEN)
			break;
		byte = scratch->bytes[index + n];
		wanted = place == 2 ? DNS_OPT : 0;
		if (place == DNS_RECORD_LEN - 1)
			d->status = byte;
		else if (place < 3 && byte != wanted)
			place = DNS_RECORD_LEN - 1;
		*(volatile __u8 *)&d->kind = place + 1;
	}
	take_of_message(&r, d, n);
	if (READ_ONCE(d->kind) >= DNS_RECORD_LEN)
		d->mode = DNS_REST;
	return true;
}

static __always_inline void step_rest_of_message(struct reader *r, struct direction *d)
{
	__u32 bytes = d->left < r->scratch->left ? d->left : r->scratch->left;

	take_of_message(r, d, bytes);
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long dns_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0;
	bool is_well = true;
	int index;

	if (!r->scratch->left || take_rest(r, d))
		return 1;
	if (d->mode == DNS_REST) {
		step_rest_of_message(r, d);
		if (!d->left)
			dns_end_message(r->c, r->scratch);
		return 0;
	}
	index = next_bytes(r, BEGINNING, &available, WINDOW);
	if (index < 0)
		return 0;
	switch (d->mode) {
	case DNS_HEADER:
		is_well = dns_header(r->c, r->scratch, index, available);
		break;
	case DNS_NAME:
		is_well = dns_name(r->c, r->scratch, index, available);
		break;
	case DNS_TYPE:
		is_well = dns_type(r->c, r->scratch, index, available);
		break;
	case DNS_RECORD:
		is_well = dns_record(r->c, r->scratch, index, available);
		break;
	default:
		is_well = step_length(r, d, index);
	}
	/* Does the message end before its question? */
	if (!is_well || ((d->mode == DNS_NAME || d->mode == DNS_TYPE) && !d->left))
		desynchronize(r->c, REASON_MALFORMED);
	else if (d->mode >= DNS_RECORD && !d->left)
		dns_end_message(r->c, r->scratch);
	return 0;
}

__noinline int dns_take(struct connection *c, struct scratch *scratch, __u64 address, __u64 bytes,
			__u32 how)
{
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return 0;
	begin_reading(&r, address, bytes, how);
	bpf_loop(DNS_MOST_STEPS, dns_step, &r, 0);
	return 0;
}

static __always_inline bool dns_needs_no_bytes(struct connection *c, __u32 direction, __u64 bytes)
{
	return lies_in_left(c, direction, DNS_REST, bytes);
}

/* No more answers come: an answer that has begun is cut short, and what waits is not answered. */
static __always_inline void dns_end(struct connection *c, __u32 direction, __u64 now)
{
	struct direction *d = &c->directions[direction & 1];
	int place;

	if (direction == request_direction(c))
		return;
	name_question(c, 0, 0, 0);
	if (d->mode == DNS_RECORD || d->mode == DNS_REST) {
		place = dns_place_of(c, short_key(dns_id(d), d->elements),
				     d->elements ? ~0ull : QUESTION_ID);
		finish_word(c, remove_question(c, place), outcome_of(d) & 1023, ERROR_TRUNCATED,
			    now);
		begin_dns_message(d);
		d->mode = MODE_OPAQUE;
	}
	give_up_connection(c, now);
}
