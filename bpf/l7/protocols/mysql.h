/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * MySQL's and MariaDB's protocol ("Client/Server Protocol" of both documentations): packets of a
 * length, a number, and as many bytes; a request is a command, which a client's packet of number 0
 * begins with. Its response is a packet, or several: how many, its command and they themselves
 * tell, so that nothing of what both ends have agreed on has to be known.
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "sql.h"
#include "../steps.h"

#define MY_HEADER 4

/* A packet of this length is continued by the next one. */
#define MY_LENGTH_MAX 0xffffff

enum my_mode {
	MY_FIRST = MODE_PROTOCOL, /* in a packet's header, or before its first byte */
	MY_REST,		  /* `left` bytes of a packet, nothing of which matters */
	MY_SQL,			  /* the same, in a statement */
	MY_NUMBER,		  /* in a number, of as many bytes as carry[1] says */
	MY_STATUS,		  /* before, or in, the status flags of an OK or an EOF */
};

enum my_command {
	MY_QUIT = 0x01,
	MY_QUERY = 0x03,
	MY_FIELD_LIST = 0x04,
	MY_PROCESS_INFO = 0x0a,
	MY_PING = 0x0e,
	MY_CHANGE_USER = 0x11,
	MY_BINLOG_DUMP = 0x12,
	MY_TABLE_DUMP = 0x13,
	MY_STMT_PREPARE = 0x16,
	MY_STMT_EXECUTE = 0x17,
	MY_STMT_SEND_LONG_DATA = 0x18,
	MY_STMT_CLOSE = 0x19,
	MY_STMT_FETCH = 0x1c,
	MY_BINLOG_DUMP_GTID = 0x1e,
	MY_COMMANDS = 0x20,
	/* Of MariaDB. */
	MY_STMT_BULK_EXECUTE = 0xfa,
	/* None, but what a packet is. */
	MY_LOGIN = 0x80,
	MY_NO_COMMAND,
};

/* How a request is answered, in its word (queue.h). */
enum my_trait {
	MY_RESULT,   /* by an OK, an error, or columns and rows; and more of these */
	MY_ONE,	     /* by one packet */
	MY_ROWS,     /* by rows up to their end */
	MY_PREPARED, /* by a number of parameters and columns, and by as many definitions */
	MY_AUTH,     /* by any number of packets up to an OK or an error */
	MY_STREAM,   /* by something that does not end */
};

/* What a server's packet is. */
enum my_packet {
	MY_NOTHING,
	MY_OK,		    /* or an EOF: it has status flags */
	MY_ERROR,	    /* it has an errno */
	MY_COUNT,	    /* of columns */
	MY_DEFINITION,	    /* of a column or a parameter */
	MY_DEFINITIONS_END, /* an EOF behind these */
	MY_STATEMENT,	    /* it is prepared */
	MY_WHOLE,	    /* the response */
};

/* Of the server's direction: where in a response. */
enum my_phase {
	MY_BEGINNING,
	MY_DEFINITIONS, /* `elements` are to come */
	MY_BEFORE_ROWS,
	MY_IN_ROWS,
};
#define MY_PHASE 7
#define HAS_RESULT 0x40 /* one of several */

/* Of the client's: nothing has been skipped since its login. */
#define IS_LOGGED_IN 1

/* Of both: the next packet continues this one. */
#define IS_CONTINUED 0x80

/* Status flags, and capabilities of a client. */
#define MY_MORE_RESULTS 0x0008
#define MY_CURSOR 0x0040
#define MY_COMPRESSES (0x20 | 1 << 26)
#define MY_SSL 0x800
#define MY_SSL_LENGTH 32

/* A string of the catalog that all columns are of. */
#define MY_DEF (3 | 'd' << 8 | 'e' << 16 | 'f' << 24)

/* In place of an error's number: a report of progress, of MariaDB. */
#define MY_PROGRESS 0xffff

/* By what a statement is known whose text is kept (statement.h). */
#define MY_TEXT 1

/* In place of a statement's: that which was prepared last. */
#define MY_LAST_STATEMENT 0xffffffff

/* Of a connection. */
struct my_state {
	__u16 prepared;	 /* the operation of the statement that was prepared last */
	__u8 is_started; /* a login has been seen */
	__u8 in_file;	 /* the client sends a file */
	__u8 compresses; /* once the login has succeeded */
	__u8 reserved[3];
};

/*
 * Operations by command, and errors: 1000 + n has status 3 + n up to MY_LAST_ERROR, further ones
 * are in the table. src/signals/l7/mysql.ts has both.
 */
#define MY_FIRST_ERROR 1000
#define MY_LAST_ERROR 1981
#define MY_OTHER_ERRORS 32
const volatile __u16 mysql_commands[MY_COMMANDS];
const volatile __u16 mysql_errors[MY_OTHER_ERRORS];

static __always_inline struct my_state *my_state(struct connection *c)
{
	return (struct my_state *)&c->state;
}

/*
 * Does a server greet its client so: packet 0 with the protocol's version 10 and its own in digits;
 * or with an error?
 */
__noinline int mysql_begins(__u64 word, __u32 known)
{
	__u32 length = word & MY_LENGTH_MAX, first = word >> 32 & 0xff, version = word >> 40 & 0xff;

	if (known < MY_HEADER)
		return known < 2 || length < 1 << 9 ? MAY_BEGIN : BEGINS_NOT;
	if (word >> 24 & 0xff || length < 8 || length >= 1 << 9)
		return BEGINS_NOT;
	if (known < 8)
		return known == MY_HEADER || first == 10 || first == 0xff ? MAY_BEGIN : BEGINS_NOT;
	if (first == 10)
		return version - '0' < 10 ? BEGINS_RESPONSE : BEGINS_NOT;
	version = word >> 40 & 0xffff;
	return first == 0xff && version >= MY_FIRST_ERROR && version < 2000 ? BEGINS_RESPONSE :
									      BEGINS_NOT;
}

/*
 * Is it a response? An OK by its length, an error by what is behind its errno, columns by the first
 * packet that follows: a definition, or where these are left out, a row or the end of them.
 */
static __always_inline bool is_my_response(const __u8 *bytes, __u32 known)
{
	__u32 header = *(const __u32 *)bytes, length = header & MY_LENGTH_MAX, second;

	if (header >> 24 != 1 || known < 7 + MY_HEADER)
		return false;
	if (!bytes[MY_HEADER])
		return length >= 7 && known == length + MY_HEADER;
	if (bytes[MY_HEADER] == 0xff)
		return bytes[MY_HEADER + 3] == '#';
	if (!length || length > 2 || known < 16)
		return false;
	second = MY_HEADER + length;
	if (bytes[second + 3] != 2)
		return false;
	if (length == 2 && !bytes[MY_HEADER + 1])
		return !bytes[second + MY_HEADER] || bytes[second + MY_HEADER] == 0xfe;
	return *(const __u32 *)&bytes[second + MY_HEADER] == MY_DEF;
}

/*
 * Does a call begin with a statement or the execution of one? Commands have packet 0, and responses
 * never begin so. Servers receive a packet's header in a call of its own, which by itself says too
 * little.
 */
__noinline int mysql_resumes(struct scratch *scratch, __u32 known)
{
	const __u8 *bytes;
	bool is_request = false;
	__u32 header, first;

	if (!scratch)
		return BEGINS_NOT;
	bytes = scratch->bytes;
	header = *(const __u32 *)bytes;
	first = bytes[MY_HEADER + 1];
	if (known == MY_HEADER && header && header < MY_LENGTH_MAX)
		return MAY_BEGIN;
	if (known > MY_HEADER && is_my_response(bytes, known))
		return BEGINS_RESPONSE;
	/*
	 * A whole command, as far as the call's beginning tells; its number is in the highest
	 * byte.
	 */
	if (known <= MY_HEADER || !header || header >= MY_LENGTH_MAX ||
	    (known < OPENING ? header + MY_HEADER != known : header + MY_HEADER < known))
		return BEGINS_NOT;
	switch (bytes[MY_HEADER]) {
	case MY_QUERY:
	case MY_STMT_PREPARE:
		is_request = header > 1 &&
			     (is_letter(first) || first == ' ' || first == '(' || first == '/' ||
			      first == '-' || first == '\n' || !first);
		break;
	case MY_STMT_EXECUTE:
		/* Of one iteration. */
		is_request = header >= 10 && *(const __u32 *)&bytes[MY_HEADER + 6] == 1;
		break;
	case MY_PING:
		is_request = header == 1;
		break;
	}
	return is_request ? BEGINS_REQUEST : BEGINS_NOT;
}

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

/* A packet is whole. */
__noinline int mysql_end_packet(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	d->mode = MY_FIRST;
	if (d->flags & IS_CONTINUED)
		d->kind = is_of_requests(&r) ? d->kind : MY_NOTHING;
	else if (is_of_requests(&r))
		end_my_request(&r, d);
	else
		end_my_packet(&r, d);
	begin_sql(d);
	return 0;
}

/* The bytes that follow are a number of so many bytes, the lowest one first. */
static __always_inline void begin_number(struct direction *d, __u32 bytes)
{
	d->mode = MY_NUMBER;
	d->carry[1] = bytes;
}

/*
 * The bytes that follow have status flags, behind so many bytes and so many numbers that tell how
 * long they are.
 */
static __always_inline void begin_status(struct direction *d, __u32 bytes, __u32 numbers)
{
	d->mode = MY_STATUS;
	d->carry[1] = bytes | numbers << 8;
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

/*
 * A packet begins with this header, and has this byte behind it. False when there is none like
 * it.
 */
__noinline int mysql_begin_packet(struct connection *c, struct scratch *scratch, __u64 word)
{
	__u32 length = word & MY_LENGTH_MAX, number = word >> 24 & 0xff, first = word >> 32 & 0xff;
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return false;
	if (is_of_requests(&r))
		return begin_my_request(&r, direction_of(&r), length, number, first);
	begin_my_packet(&r, direction_of(&r), length, number, length ? first : 0);
	return true;
}

/* The header of a packet and its first byte, or the rest of these. */
static __noinline bool step_header_of_my(struct reader *r, struct direction *d, __u32 index,
					 __u32 available)
{
	__u32 known = d->carry_len & 7, size = MY_HEADER, length, more, flags = d->flags;
	__u64 word = known ? d->carry[0] : 0;

	word |= load(r, index) << (8 * known);
	length = word & MY_LENGTH_MAX;
	/* An empty one has no first byte. */
	if (known + available >= 3)
		size += !!length;
	if (!known && is_of_requests(r) && !(flags & IS_CONTINUED))
		d->word = now_of(r);
	more = available < size - known ? available : size - known;
	consume(r, more);
	if (known + more < size) {
		d->carry[0] = lowest(word, known + more);
		d->carry_len = known + more;
		return true;
	}
	d->left = length - !!length;
	d->mode = MY_REST;
	d->flags = (flags & ~IS_CONTINUED) | (length == MY_LENGTH_MAX ? IS_CONTINUED : 0);
	if (flags & IS_CONTINUED)
		return true;
	begin_sql(d);
	return mysql_begin_packet(r->c, r->scratch, word);
}

/* Takes a byte of a number. True when it has as many as that. */
static __always_inline bool take_digit(struct direction *d, __u32 byte, __u32 wanted)
{
	__u8 *bytes = (__u8 *)d->carry, length = READ_ONCE(d->carry_len);

	bytes[length & 7] = byte;
	*(volatile __u8 *)&d->carry_len = length + 1;
	return length + 1 >= wanted;
}

/* Takes a byte of what has status flags. True when it is their last one. */
static __always_inline bool take_status(struct direction *d, __u32 byte)
{
	__u64 before = READ_ONCE(d->carry[1]);

	if (!before)
		return take_digit(d, byte, 2);
	/* Bytes, then numbers, each of which is its first byte or so many that follow. */
	if (before & 0xff)
		before--;
	else
		before = before - 0x100 +
			 (byte == 0xfc ? 2 :
			  byte == 0xfd ? 3 :
			  byte == 0xfe ? 8 :
					 0);
	*(volatile __u64 *)&d->carry[1] = before;
	return false;
}

/* Bytes of a packet that say something. */
__noinline int mysql_text(struct connection *c, struct scratch *scratch, __u32 index,
			  __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	bool is_end = false;
	__u32 n, mode, byte;

	if (!c || !scratch)
		return 0;
	d = direction_of(&r);
	mode = d->mode;
	index &= WINDOW - 1;
	if (statements_wanted && mode == MY_SQL && !d->status)
		take_statement(c, scratch, d->left, MY_TEXT);
	if (available > d->left)
		available = d->left;
	for (n = 0; n < BEGINNING; n++) {
		if (n >= available || is_end)
			break;
		byte = scratch->bytes[index + n];
		if (mode == MY_SQL)
			is_end = take_sql(d, byte, true);
		else if (mode == MY_NUMBER)
			is_end = take_digit(d, byte, READ_ONCE(d->carry[1]));
		else
			is_end = take_status(d, byte);
	}
	consume(&r, n);
	d->left -= n;
	/* A statement ends with its packet, too. */
	if (!is_end && d->left)
		return 0;
	if (mode == MY_SQL)
		d->operation = sql_operation(d);
	else if (is_of_requests(&r))
		d->elements = d->carry[0];
	d->mode = MY_REST;
	return 0;
}

/* Takes the next bytes of a call. Returns 1 when there are none left. */
static long mysql_step(__u32 nr, struct reader *r)
{
	struct direction *d = direction_of(r);
	__u32 available = 0;
	int index;

	if (!r->scratch->left || take_rest(r, d))
		return 1;
	if (d->mode != MY_REST) {
		index = next_bytes(r, BEGINNING, &available, WINDOW);
		if (index < 0)
			return 0;
		if (d->mode != MY_FIRST) {
			mysql_text(r->c, r->scratch, index, available);
		} else if (!step_header_of_my(r, d, index, available)) {
			desynchronize(r->c, REASON_MALFORMED);
			return 0;
		}
	}
	if (d->mode == MY_REST)
		step_over_left(r, d);
	if (d->mode > MY_FIRST && !d->left)
		mysql_end_packet(r->c, r->scratch);
	return 0;
}

__noinline int mysql_take(struct connection *c, struct scratch *scratch, __u64 address, __u64 bytes,
			  __u32 how)
{
	return take_by_steps(c, scratch, address, bytes, how, mysql_step);
}

static __always_inline bool mysql_needs_no_bytes(struct connection *c, __u32 direction, __u64 bytes)
{
	return lies_in_left(c, direction, MY_REST, bytes);
}

/* A response that has begun is cut short. */
static __always_inline void mysql_end(struct connection *c, __u32 direction, __u64 now)
{
	struct direction *d = &c->directions[direction & 1];

	if (direction == request_direction(c) || d->mode < MY_FIRST)
		return;
	if (d->flags || d->mode != MY_FIRST || d->carry_len)
		finish_word(c, pop_request(c), 0, ERROR_TRUNCATED, now);
	d->flags = 0;
	d->mode = MODE_OPAQUE;
}
