/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets of MySQL's clients: logins and commands. */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "mysql_state.h"
#include "sql.h"

/* What the statement does that `elements` has the number of. */
static __always_inline __u32 my_executed(struct connection *c, struct direction *d)
{
	struct statement_key key = { .connection = c->id, .name = d->elements };
	__u64 *operation;

	if (key.name == MY_LAST_STATEMENT)
		return my_state(c)->prepared;
	operation = bpf_map_lookup_elem(&statements, &key);
	return operation ? *operation : 0;
}

/* A client has said what it can, and, unless SSL comes first, who it is. */
static __always_inline void end_login(struct connection *c, struct direction *d)
{
	__u32 capabilities = d->elements;

	if (capabilities & MY_SSL && d->operation == MY_SSL_LENGTH) {
		c->is_tunnel = 1;
		d->mode = MODE_OPAQUE;
		return;
	}
	my_state(c)->is_started = 1;
	my_state(c)->compresses = !!(capabilities & MY_COMPRESSES);
	d->flags |= IS_LOGGED_IN;
	add_request(c, request_word(d->word, 0, MY_AUTH) | TAG_MARK);
}

/* A client's packet is whole, and is not continued. */
static __always_inline void end_my_request(struct reader *r, struct direction *d)
{
	struct connection *c = r->c;
	__u32 operation = mysql_commands[d->kind & (MY_COMMANDS - 1)], trait = MY_ONE;

	switch (d->kind) {
	case MY_LOGIN:
		end_login(c, d);
		return;
	case MY_QUIT:
	case MY_STMT_SEND_LONG_DATA:
	case MY_STMT_CLOSE:
	case MY_NO_COMMAND:
		return;
	case MY_QUERY:
		operation = d->operation;
		trait = MY_RESULT;
		break;
	case MY_STMT_PREPARE:
		operation = d->operation;
		my_state(c)->prepared = operation;
		trait = MY_PREPARED;
		break;
	case MY_STMT_EXECUTE:
	case MY_STMT_BULK_EXECUTE:
		operation = my_executed(c, d);
		trait = MY_RESULT;
		break;
	case MY_PROCESS_INFO:
		trait = MY_RESULT;
		break;
	case MY_FIELD_LIST:
	case MY_STMT_FETCH:
		trait = MY_ROWS;
		break;
	case MY_CHANGE_USER:
		trait = MY_AUTH;
		break;
	case MY_BINLOG_DUMP:
	case MY_BINLOG_DUMP_GTID:
	case MY_TABLE_DUMP:
		trait = MY_STREAM;
		break;
	}
	if (statements_wanted)
		name_own_statement(c, d->word, MY_TEXT);
	add_request(c, request_word(d->word, operation, trait));
}

/* A client's packet begins. False when there is none like it. */
static __always_inline bool begin_my_request(struct reader *r, struct direction *d, __u32 length,
					     __u32 number, __u32 first)
{
	struct my_state *state = my_state(r->c);

	d->kind = MY_NO_COMMAND;
	d->elements = 0;
	if (state->in_file) {
		/* Else something has been skipped since. */
		state->in_file = length && waiting_requests(r->c) > 0;
		if (waiting_requests(r->c) > 0)
			return true;
	}
	if (number) {
		if (state->is_started || length < MY_SSL_LENGTH)
			return true;
		d->kind = MY_LOGIN;
		d->operation = length < 0xffff ? length : 0xffff;
		d->carry[0] = first;
		d->carry_len = 1;
		begin_number(d, 4);
		return true;
	}
	if (!length || (first >= MY_COMMANDS && first < MY_STMT_BULK_EXECUTE))
		return false;
	state->is_started = 1;
	d->kind = first;
	d->operation = 0;
	if (first == MY_QUERY || first == MY_STMT_PREPARE)
		d->mode = MY_SQL;
	else if (first == MY_STMT_EXECUTE || first == MY_STMT_BULK_EXECUTE)
		begin_number(d, 4);
	return true;
}
