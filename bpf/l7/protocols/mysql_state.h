/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What MySQL's parser keeps of a connection, and what packets are to it. */
#pragma once

#include "../connection.h"

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
