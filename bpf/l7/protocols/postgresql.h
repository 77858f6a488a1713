/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * PostgreSQL's protocol 3 (PostgreSQL's documentation, "Frontend/Backend Protocol"): messages of a
 * type, a length, and as many bytes. A request is an Execute, or a statement of a simple query;
 * behind those of a batch, a mark waits for the server's ReadyForQuery.
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "../steps.h"
#include "postgresql_state.h"
#include "postgresql_whole.h"
#include "sql.h"

/* Is it a StartupMessage, or one of those that may come before it? */
__noinline int postgresql_begins(__u64 word, __u32 known)
{
	__u32 code = pg_number(word, 4);

	/* At most 10,000 bytes (MAX_STARTUP_PACKET_LENGTH, src/include/libpq/pqcomm.h). */
	if (lowest(word, known < 2 ? known : 2) || (known >= 4 && pg_number(word, 0) < PG_OPENING))
		return BEGINS_NOT;
	if (known < 8)
		return known < 5 || (code >> 24) == 0 || (code >> 24) == PG_SSL >> 24 ? MAY_BEGIN :
											BEGINS_NOT;
	return code >> 16 == PG_VERSION_3 || (code >= PG_CANCEL && code <= PG_GSS) ?
		       BEGINS_REQUEST :
		       BEGINS_NOT;
}

/* Is it a Query, a Parse or a Bind? No message of a server has their types. */
__noinline int postgresql_resumes(struct scratch *scratch, __u32 known)
{
	__u32 length, first;
	const __u8 *bytes;

	if (!scratch)
		return BEGINS_NOT;
	bytes = scratch->bytes;
	length = pg_number(*(const __u64 *)bytes, 1);
	first = bytes[PG_HEADER];
	if (known < PG_HEADER + 1 || length < 5 || length >= 1 << 24)
		return BEGINS_NOT;
	if (bytes[0] == 'Q')
		return is_letter(first) || first == ' ' || first == '(' || first == '/' ||
				       first == '-' || first == '\n' ?
			       BEGINS_REQUEST :
			       BEGINS_NOT;
	return (bytes[0] == 'P' || bytes[0] == 'B') && (!first || first >= ' ') && first < 0x7f ?
		       BEGINS_REQUEST :
		       BEGINS_NOT;
}

static __always_inline void begin_pg_message(struct direction *d)
{
	d->left = 0;
	d->mode = PG_FIRST;
	d->operation = 0;
	d->elements = 0;
	begin_sql(d);
}

/* A batch ends, and the server is to say that it is ready. False as of add_request(). */
static __always_inline bool add_mark(struct connection *c, __u64 time, __u32 operation)
{
	return add_request(c, request_word(time, operation, 0) | TAG_MARK);
}

/* A statement has been parsed, under the name that `elements` has a hash of. */
static __always_inline void end_parse(struct connection *c, struct direction *d)
{
	struct statement_key key = { .connection = c->id, .name = d->elements };
	__u64 operation = d->operation;

	pg_state(c)->bound = operation;
	d->flags |= HAS_PARSED;
	if (!key.name)
		pg_state(c)->unnamed = operation;
	else
		bpf_map_update_elem(&statements, &key, &operation, BPF_ANY);
}

/* A statement of this name is to be executed. */
static __always_inline void bind_statement(struct connection *c, struct direction *d)
{
	struct statement_key key = { .connection = c->id, .name = d->elements };
	__u64 *operation;

	if (statements_wanted)
		c->bound_statement = PG_STATEMENT | key.name;
	if (!key.name) {
		pg_state(c)->bound = pg_state(c)->unnamed;
		return;
	}
	operation = bpf_map_lookup_elem(&statements, &key);
	pg_state(c)->bound = operation ? *operation : 0;
}

/* A client's message is whole. False when there are more requests than may wait. */
static __always_inline bool end_pg_request(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	__u32 bound = pg_state(c)->bound;
	__u8 flags = d->flags & IS_ALIGNED;

	switch (d->kind) {
	case 'Q':
	case 'F':
		d->flags = flags;
		if (statements_wanted)
			name_own_statement(c, d->word, PG_QUERY);
		return add_request(c, request_word(d->word, d->operation, 0)) &&
		       add_mark(c, d->word, 0);
	case 'P':
		end_parse(c, d);
		break;
	case 'E':
		d->flags = flags;
		if (statements_wanted)
			name_statement(c, d->word, has_statement(c, c->bound_statement));
		return add_request(c, request_word(d->word, bound, 0));
	case 'S':
		/*
		 * While the server waits for data, it ignores what ends a batch (CopyGetData(),
		 * src/backend/commands/copyfromparse.c of PostgreSQL).
		 */
		if (!(d->flags & IGNORES_SYNC) && !add_mark(c, d->word, bound))
			return false;
		d->flags = flags | HAS_SYNC;
		break;
	case 'd':
	case 'c':
	case 'f':
		if (d->flags & HAS_SYNC)
			d->flags |= IGNORES_SYNC;
		break;
	}
	return true;
}

/* A request of a batch that the server has left out, since an earlier one failed. */
static long abort_next(__u32 index, struct reader *r)
{
	__u64 word = pop_request(r->c);

	finish_word(r->c, word, 0, ERROR_ABORTED, now_of(r));
	return !word || is_mark(word);
}

/* Has a client's message come that this one answers, although no program has seen it yet? */
static __always_inline bool is_early(struct connection *c)
{
	return waiting_requests(c) <= 0 &&
	       c->directions[request_direction(c) & 1].flags & IS_ALIGNED;
}

/* The server is ready: nothing of the batch is waiting any more. */
static __always_inline void end_batch(struct reader *r, struct direction *d)
{
	d->flags = 0;
	pg_state(r->c)->is_ready = 1;
	if (is_mark(next_request(r->c)))
		pop_request(r->c);
	else if (is_early(r->c))
		push_response(r->c, now_of(r), STATUS_OK, 0);
	else
		bpf_loop(MOST_WAITING, abort_next, r, 0);
}

/*
 * A statement has ended without a request of its own: a further one of a simple query, which began
 * when that before it ended; or one that was parsed only, or a batch, that failed.
 */
static __always_inline void end_further(struct reader *r, struct direction *d, __u64 word,
					__u32 operation, __u32 status)
{
	__u64 now = now_of(r), duration = duration_since(word, now);

	if (now - d->word < duration)
		duration = now - d->word;
	finish(r->c,
	       number_of(r->c, operation ? operation : operation_of(word), status, ERROR_NONE), now,
	       duration);
}

/* A statement has ended, of which the server says what it did (0: it does not). */
static __always_inline void end_statement(struct reader *r, struct direction *d, __u32 operation,
					  __u32 status)
{
	struct connection *c = r->c;
	__u64 word = next_request(c), now = now_of(r);

	d->flags = 0;
	if (is_mark(word)) {
		end_further(r, d, word, operation, status);
	} else {
		word = is_early(c) ? push_response(c, now, status, 0) : pop_request(c);
		if (operation)
			word = with_operation(word, operation);
		finish_word(c, word, status, ERROR_NONE, now);
	}
	d->word = now;
}

/*
 * An error. Where nothing waits, it is that of a statement which was parsed only, or tells why the
 * connection ends. Before the server is ready for the first time, it is that of the connection.
 */
static __always_inline void end_error(struct reader *r, struct direction *d)
{
	struct direction *of_client = &r->c->directions[request_direction(r->c) & 1];
	struct pg_state *state = pg_state(r->c);
	__u32 status = d->status ? d->status : STATUS_OTHER;
	__u64 word = next_request(r->c);

	if (is_mark(word) ? state->is_ready : !!word)
		end_statement(r, d, 0, status);
	else if (!word && of_client->flags & HAS_PARSED)
		end_further(r, d, request_word(of_client->word, state->bound, 0), 0, status);
}

/* A server's message is whole. */
static __always_inline void end_pg_response(struct reader *r, struct direction *d)
{
	switch (d->kind) {
	case 'T':
	case 'D':
	case 'H':
	case 'd':
		d->flags = HAS_ROWS;
		break;
	case 'C':
		end_statement(r, d, d->operation, STATUS_OK);
		break;
	case 'I':
	case 's':
	case 'V':
		end_statement(r, d, 0, STATUS_OK);
		break;
	case 'E':
		end_error(r, d);
		break;
	case 'Z':
		end_batch(r, d);
		break;
	}
}

/*
 * A message is whole. False when there are more requests than may wait. Global, as others here, so
 * that it is verified once.
 */
__noinline int postgresql_end_message(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return true;
	d = direction_of(&r);
	if (!is_of_requests(&r))
		end_pg_response(&r, d);
	else if (!end_pg_request(&r, d))
		return false;
	begin_pg_message(d);
	return true;
}

/* What a message of this type says that matters, from its first byte on; PG_REST for nothing. */
static __always_inline __u8 pg_mode_of(struct reader *r, __u32 type)
{
	if (is_of_requests(r))
		return type == 'Q' ? PG_SQL :
		       type == 'P' ? PG_NAME :
		       type == 'B' ? PG_PORTAL :
				     PG_REST;
	return type == 'C' ? PG_TAG : type == 'E' ? PG_FIELD : PG_REST;
}

/* A client's first messages have no type. */
static __always_inline bool take_opening(struct reader *r, struct direction *d, __u64 word)
{
	__u32 length = pg_number(word, 0), code = pg_number(word, 4);

	if (length < PG_OPENING)
		return false;
	d->kind = 0;
	d->left = length - PG_OPENING;
	d->mode = PG_REST;
	if (code == PG_SSL || code == PG_GSS) {
		pg_state(r->c)->is_asked = 1;
	} else if (code >> 16 == PG_VERSION_3) {
		d->flags |= IS_ALIGNED;
		if (!add_mark(r->c, d->word, 0))
			desynchronize(r->c, REASON_MAP_FULL);
	} else {
		return code == PG_CANCEL;
	}
	return true;
}

/* The header of a message, whole or the rest of it. A client's first ones begin with a zero. */
static __always_inline bool step_header_of_pg(struct reader *r, struct direction *d, __u32 index,
					      __u32 available)
{
	__u32 known = d->carry_len & 7, size = PG_HEADER, more, length;
	__u64 word = known ? d->carry[0] : 0;
	bool is_opening;

	word |= load(r, index) << (8 * known);
	is_opening = is_of_requests(r) && !(word & 0xff) && !(d->flags & IS_ALIGNED);
	if (is_opening)
		size = PG_OPENING;
	if (!known && is_of_requests(r))
		d->word = now_of(r);
	more = available < size - known ? available : size - known;
	consume(r, more);
	if (known + more < size) {
		d->carry[0] = lowest(word, known + more);
		d->carry_len = known + more;
		return true;
	}
	begin_sql(d);
	if (is_opening)
		return take_opening(r, d, word);
	d->kind = word;
	length = pg_number(word, 1);
	d->left = length - 4;
	d->mode = pg_mode_of(r, d->kind);
	return length >= 4 && length < PG_LENGTH_MAX && is_pg_type(r, d->kind);
}

/* The byte by which a server says whether it wants SSL or GSSAPI. */
static __always_inline bool take_answer(struct reader *r, struct direction *d, __u32 byte)
{
	pg_state(r->c)->is_asked = 0;
	/* An error, from a server that does not know of it. */
	if (byte == 'E')
		return false;
	consume(r, 1);
	if (byte != 'N') {
		r->c->is_tunnel = 1;
		d->mode = MODE_OPAQUE;
	}
	return true;
}

/* Takes a byte of what a message says. True when that is its end. */
static __always_inline bool take_pg_byte(struct direction *d, __u32 mode, __u32 byte)
{
	switch (mode) {
	case PG_SQL:
		return take_sql(d, byte, false);
	case PG_NAME:
		if (byte)
			d->elements = (READ_ONCE(d->elements) ^ byte) * 0x01000193 + 1;
		return !byte;
	case PG_TAG:
	case PG_CODE:
		if (!byte || byte == ' ')
			return true;
		add_to_word(d, byte);
		return false;
	case PG_FIELD:
		return true;
	default:
		return !byte;
	}
}

/* What a message says of one kind has ended, with this byte. */
static __always_inline void end_pg_text(struct reader *r, struct direction *d, __u32 mode,
					__u32 byte)
{
	switch (mode) {
	case PG_PORTAL:
		d->mode = PG_NAME;
		return;
	case PG_NAME:
		if (d->kind == 'P') {
			d->mode = PG_SQL;
			return;
		}
		bind_statement(r->c, d);
		break;
	case PG_SQL:
	case PG_TAG:
		d->operation = sql_operation(d);
		break;
	case PG_FIELD_REST:
		d->mode = PG_FIELD;
		return;
	case PG_FIELD:
		if (byte) {
			d->mode = byte == 'C' ? PG_CODE : PG_FIELD_REST;
			return;
		}
		break;
	case PG_CODE:
		d->status = number_of_word(sqlstates, d->carry[0], d->carry[1]);
		break;
	}
	d->mode = PG_REST;
}

/* Bytes of a message that say something. */
__noinline int postgresql_text(struct connection *c, struct scratch *scratch, __u32 index,
			       __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 n, mode, byte = 0;
	struct direction *d;
	bool is_end = false;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	mode = d->mode;
	index &= WINDOW - 1;
	if (statements_wanted && mode == PG_SQL && !d->status)
		take_statement(c, scratch, d->left,
			       d->kind == 'Q' ? PG_QUERY : PG_STATEMENT | d->elements);
	if (available > d->left)
		available = d->left;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || is_end)
			break;
		byte = scratch->bytes[index + n];
		is_end = take_pg_byte(d, mode, byte);
	}
	consume(&r, n);
	d->left -= n;
	if (is_end)
		end_pg_text(&r, d, mode, byte);
	return 0;
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long postgresql_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0;
	int index;

	if (!r->scratch->left || take_rest(r, d))
		return 1;
	if (d->mode != PG_REST) {
		index = next_bytes(r, BEGINNING, &available, WINDOW);
		if (index < 0)
			return 0;
		if (begins_pg_message(r, d) && take_whole_pg(r, index, available))
			return 0;
		if (d->mode != PG_FIRST) {
			postgresql_text(r->c, r->scratch, index, available);
		} else if (pg_state(r->c)->is_asked && !is_of_requests(r) &&
			   take_answer(r, d, r->scratch->bytes[index])) {
			return 0;
		} else if (!step_header_of_pg(r, d, index, available)) {
			desynchronize(r->c, REASON_MALFORMED);
			return 0;
		}
	}
	if (d->mode == PG_REST)
		step_over_left(r, d);
	/*
	 * More requests than may wait are lost with all that waits: which of them is a mark would
	 * not be known any more.
	 */
	if (d->mode > PG_FIRST && !d->left && !postgresql_end_message(r->c, r->scratch))
		desynchronize(r->c, REASON_MAP_FULL);
	return 0;
}

__noinline int postgresql_take(struct connection *c, struct scratch *scratch, __u64 address,
			       __u64 bytes, __u32 how)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 n, available = 0;
	int index;

	if (!c || !scratch)
		return 0;
	begin_taking(&r, address, bytes, how);
	/* Of most calls, that is all. */
	for (n = 0; n < 4; n++) {
		if (!scratch->left || !scratch->position ||
		    !begins_pg_message(&r, direction_of(&r)))
			break;
		index = make_available(&r, BEGINNING, &available);
		if (index < 0 || !take_whole_pg(&r, index, available))
			break;
	}
	if (scratch->left)
		run_steps(&r, postgresql_step);
	return 0;
}

static __always_inline bool postgresql_needs_no_bytes(struct connection *c, __u32 direction,
						      __u64 bytes)
{
	return lies_in_left(c, direction, PG_REST, bytes);
}

/* A response that has begun is cut short. */
static __always_inline void postgresql_end(struct connection *c, __u32 direction, __u64 now)
{
	struct direction *d = &c->directions[direction & 1];

	if (direction == request_direction(c) || d->mode < PG_FIRST)
		return;
	if (d->flags & HAS_ROWS || d->mode != PG_FIRST || d->carry_len)
		finish_word(c, pop_request(c), 0, ERROR_TRUNCATED, now);
	d->flags = 0;
	d->mode = MODE_OPAQUE;
}
