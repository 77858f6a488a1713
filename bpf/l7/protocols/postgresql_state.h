/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* PostgreSQL: what is known of a connection, and of a message by its header. */
#pragma once

#include "../connection.h"
#include "../reader.h"
#include "../words.h"

/* A message's header: its type, and its length, which counts itself. */
#define PG_HEADER 5

/* No message is as long (PQ_LARGE_MESSAGE_LIMIT, src/include/libpq/libpq.h). */
#define PG_LENGTH_MAX (1u << 30)

/*
 * What comes before the first message of a client: a length, which counts itself, and one of
 * these.
 */
#define PG_OPENING 8
#define PG_VERSION_3 3 /* the higher half */
#define PG_CANCEL 80877102
#define PG_SSL 80877103
#define PG_GSS 80877104

enum pg_mode {
	PG_FIRST = MODE_PROTOCOL, /* in a message's header, whose beginning is in the carry */
	PG_REST,		  /* `left` bytes of a message, nothing of which matters */
	PG_PORTAL,		  /* the same, in the name of a portal */
	PG_NAME,		  /* in that of a statement */
	PG_SQL,			  /* in a statement */
	PG_TAG,			  /* in what CommandComplete says */
	PG_FIELD,		  /* at a field of an error */
	PG_FIELD_REST,		  /* in a field that does not matter */
	PG_CODE,		  /* in an error's SQLSTATE */
};

/* Of the client's direction. */
#define IS_ALIGNED 1   /* its StartupMessage has been seen, and all that followed */
#define HAS_PARSED 2   /* a statement has been parsed, and nothing asked for since */
#define HAS_SYNC 4     /* the last batch has its end, … */
#define IGNORES_SYNC 8 /* … which the server ignores, since data has followed */

/* Of the server's: rows have come, and not their end. */
#define HAS_ROWS 1

/* Of a connection. */
struct pg_state {
	__u16 unnamed; /* the operation of the unnamed statement */
	__u16 bound;   /* of the last statement that was parsed or bound */
	__u8 is_asked; /* the server is to say whether it wants SSL or GSSAPI */
	__u8 is_ready; /* it has been once */
	__u8 reserved[2];
};

/*
 * By what a statement is known whose text is kept (statement.h): with the hash of its name, if any.
 */
#define PG_STATEMENT (1ull << 32)
#define PG_QUERY (2ull << 32)

/* SQLSTATEs: src/signals/l7/postgresql.ts. */
const volatile struct word sqlstates[WORDS];

static __always_inline struct pg_state *pg_state(struct connection *c)
{
	return (struct pg_state *)&c->state;
}

/* The big-endian number of four bytes that a word has from this one on. */
static __always_inline __u32 pg_number(__u64 word, __u32 at)
{
	return __builtin_bswap32(word >> (8 * at));
}

/* Is there a message of this type? */
static __always_inline bool is_pg_type(struct reader *r, __u32 type)
{
	/* By the types' lower six bits: '1' to '3' are 0x31 to 0x33, 'A' is 1, 'a' is 0x21. */
#define TYPE(letter) (1ull << ((letter)&63))
	const __u64 of_client = TYPE('B') | TYPE('C') | TYPE('D') | TYPE('E') | TYPE('F') |
				TYPE('H') | TYPE('P') | TYPE('Q') | TYPE('S') | TYPE('X') |
				TYPE('c') | TYPE('d') | TYPE('f') | TYPE('p');
	const __u64 of_server = TYPE('A') | TYPE('C') | TYPE('D') | TYPE('E') | TYPE('G') |
				TYPE('H') | TYPE('I') | TYPE('K') | TYPE('N') | TYPE('R') |
				TYPE('S') | TYPE('T') | TYPE('V') | TYPE('W') | TYPE('Z') |
				TYPE('c') | TYPE('d') | TYPE('n') | TYPE('s') | TYPE('t') |
				TYPE('v') | 7ull << ('1' & 63);
#undef TYPE

	return (type >= 'A' || (type >= '1' && type <= '3')) && type < 128 &&
	       (is_of_requests(r) ? of_client : of_server) >> (type & 63) & 1;
}
