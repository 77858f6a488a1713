/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets of MySQL's servers, and where a response ends. */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "mysql_state.h"
#include "sql.h"

/* A response is whole. */
static __always_inline void end_my_response(struct reader *r, struct direction *d, __u32 status)
{
	struct connection *c = r->c;
	__u32 of_client = c->directions[request_direction(c) & 1].flags;
	__u64 word = pop_request(c), now = now_of(r);
	__u32 trait = trait_of(word);

	d->flags = 0;
	if (trait == MY_PREPARED)
		word = with_operation(word, mysql_commands[MY_STMT_PREPARE]);
	/* The request may not have been seen yet. */
	if (!word && of_client & IS_LOGGED_IN)
		word = push_response(c, now, status, 0);
	finish_word(c, word, status, ERROR_NONE, now);
	if (status != STATUS_OK)
		return;
	if (trait == MY_STREAM || (is_mark(word) && my_state(c)->compresses)) {
		c->is_tunnel = 1;
		d->mode = MODE_OPAQUE;
	}
}

/* The status of an errno. Global, as others here, so that it is verified once. */
__noinline int mysql_status(__u32 number)
{
	__u32 n;

	if (number >= MY_FIRST_ERROR && number <= MY_LAST_ERROR)
		return number - MY_FIRST_ERROR + STATUS_OTHER + 1;
	for (n = 0; n < MY_OTHER_ERRORS; n++)
		if (mysql_errors[n] == number)
			return MY_LAST_ERROR - MY_FIRST_ERROR + STATUS_OTHER + 2 + n;
	return STATUS_OTHER;
}

static __always_inline void set_phase(struct direction *d, enum my_phase phase)
{
	d->flags = (d->flags & ~MY_PHASE) | phase;
}

/* So many columns follow. MariaDB may leave out their definitions, and says so in a byte behind. */
static __always_inline void end_count(struct direction *d)
{
	__u64 bytes = d->carry[0];
	__u32 size = (bytes & 0xff) == 0xfc ? 3 : 1;
	bool is_left_out = d->carry_len > size && !(bytes >> (8 * size) & 0xff);

	d->elements = size == 1 ? bytes & 0xff : bytes >> 8 & 0xffff;
	set_phase(d, is_left_out || !d->elements ? MY_BEFORE_ROWS : MY_DEFINITIONS);
}

/* A statement has a number, and so many parameters and columns. */
static __always_inline void end_prepare(struct reader *r, struct direction *d)
{
	struct statement_key key = { .connection = r->c->id, .name = (__u32)d->carry[0] };
	__u64 operation = operation_of(next_request(r->c));

	bpf_map_update_elem(&statements, &key, &operation, BPF_ANY);
	d->elements = (__u32)(d->carry[0] >> 32 & 0xffff) + (__u32)(d->carry[0] >> 48);
	if (d->elements)
		set_phase(d, MY_DEFINITIONS);
	else
		end_my_response(r, d, STATUS_OK);
}

/* A server's packet is whole. */
static __always_inline void end_my_packet(struct reader *r, struct direction *d)
{
	__u32 number = d->carry[0];

	switch (d->kind) {
	case MY_ERROR:
		if (number != MY_PROGRESS)
			end_my_response(r, d, mysql_status(number));
		break;
	case MY_COUNT:
		end_count(d);
		break;
	case MY_DEFINITION:
		d->elements -= !!d->elements;
		if (d->elements)
			break;
		if (trait_of(next_request(r->c)) == MY_PREPARED)
			end_my_response(r, d, STATUS_OK);
		else
			set_phase(d, MY_BEFORE_ROWS);
		break;
	case MY_DEFINITIONS_END:
		if (number & MY_CURSOR)
			end_my_response(r, d, STATUS_OK);
		else
			set_phase(d, MY_IN_ROWS);
		break;
	case MY_STATEMENT:
		end_prepare(r, d);
		break;
	case MY_OK:
		if (number & MY_MORE_RESULTS)
			d->flags = HAS_RESULT | MY_BEGINNING;
		else
			end_my_response(r, d, STATUS_OK);
		break;
	case MY_WHOLE:
		end_my_response(r, d, STATUS_OK);
		break;
	}
}

/* An OK, or an EOF, which is as short as none of the others. */
static __always_inline void begin_ok(struct direction *d, __u32 length)
{
	d->kind = MY_OK;
	begin_status(d, length == 5 ? 2 : 0, length == 5 ? 0 : 2);
}

static __always_inline void begin_error(struct direction *d)
{
	d->kind = MY_ERROR;
	begin_number(d, 2);
}

/* The first packet of a response, or of one of several results. */
static __always_inline void begin_my_response(struct reader *r, struct direction *d, __u32 length,
					      __u32 first)
{
	__u32 trait = trait_of(next_request(r->c));

	if (first == 0xff) {
		begin_error(d);
		return;
	}
	switch (trait) {
	case MY_ONE:
	case MY_STREAM:
		d->kind = MY_WHOLE;
		break;
	case MY_AUTH:
		if (!first)
			d->kind = MY_WHOLE;
		break;
	case MY_PREPARED:
		if (first)
			break;
		d->kind = MY_STATEMENT;
		begin_number(d, 8);
		break;
	default:
		if (!first) {
			begin_ok(d, length);
		} else if (first == 0xfb) {
			my_state(r->c)->in_file = 1;
		} else if (first != 0xfe) {
			/* Else the EOF behind the definitions of a statement that was prepared. */
			d->kind = MY_COUNT;
			d->carry[0] = first;
			d->carry_len = 1;
			begin_number(d, 4);
		}
	}
}

/*
 * A server's packet begins. What begins like an EOF is a row only when it is continued: 0xfe tells
 * of a string of more than 16 MB.
 */
static __always_inline void begin_my_packet(struct reader *r, struct direction *d, __u32 length,
					    __u32 number, __u32 first)
{
	bool is_end = first == 0xfe && length < MY_LENGTH_MAX;
	__u32 phase = d->flags & MY_PHASE;

	d->kind = MY_NOTHING;
	if (phase == MY_BEGINNING && trait_of(next_request(r->c)) == MY_ROWS)
		phase = MY_IN_ROWS;
	switch (phase) {
	case MY_BEGINNING:
		/* A greeting, or that the server closes the connection, answers nothing. */
		if (number || waiting_requests(r->c) > 0)
			begin_my_response(r, d, length, first);
		return;
	case MY_DEFINITIONS:
		if (first == 0xff)
			begin_error(d);
		else if (!is_end)
			d->kind = MY_DEFINITION;
		return;
	case MY_BEFORE_ROWS:
		if (is_end && length == 5) {
			d->kind = MY_DEFINITIONS_END;
			begin_status(d, 2, 0);
			return;
		}
	}
	set_phase(d, MY_IN_ROWS);
	if (is_end)
		begin_ok(d, length);
	else if (first == 0xff)
		begin_error(d);
}
