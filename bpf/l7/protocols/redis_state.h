/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Redis: what is known of a connection, of its commands and of its replies. */
#pragma once

#include "../connection.h"
#include "../words.h"

enum redis_mode {
	REDIS_FIRST = MODE_PROTOCOL, /* at the first byte of an element */
	REDIS_NUMBER,		     /* in the number of its line */
	REDIS_STRING,		     /* `left` bytes of a string and of its end of line */
	REDIS_TEXT,		     /* the same, and those before are in the carry */
	REDIS_WORD,		     /* in the first word of a line, which is in the carry */
	REDIS_LINE,		     /* in the rest of a line */
};

/* Of a command. Its `kind` is an enum redis_trait, its `status` 1 + enum redis_silence. */
#define IN_NAME 1    /* the next string is its name */
#define IN_CLIENT 2  /* the next string is what follows CLIENT */
#define IN_REPLY 4   /* the next string is what follows CLIENT REPLY */
#define IS_REFUSED 8 /* it has been answered before its end */

/* Of a reply. Its `kind` is the type of the element: its line's first byte. */
#define IS_PUSH 1    /* it answers no command */
#define IN_PUSH 2    /* the next string tells what kind of push it is */
#define IS_ACK 4     /* of a command that subscribes, or the reverse */
#define IS_SHARDED 8 /* the same of channels that are sharded */
#define IS_TOP 16    /* the element is the first one */
#define IS_SIMPLE 32 /* a line: `+` or `-` */
#define IS_RESP3 64  /* a push by its type */

/* What follows a command, in a request's word (queue.h). */
enum redis_trait {
	REDIS_PLAIN,
	REDIS_MONITOR,	 /* lines that answer nothing */
	REDIS_SYNC,	 /* another protocol, behind its reply */
	REDIS_RESET,	 /* nothing of the kind any more */
	REDIS_SUBSCRIBE, /* REDIS_SUBSCRIBE + n: n acknowledgements behind its reply */
	REDIS_LAST_TRAIT = TRAITS - 1,
};
#define ANY_ACKS (REDIS_LAST_TRAIT - REDIS_SUBSCRIBE)

enum redis_silence {
	SILENCE_NONE,
	SILENCE_NEXT, /* the next command has no reply */
	SILENCE_ALL,
};

/* Of a connection. */
struct redis_state {
	__u8 silence;	 /* enum redis_silence */
	__u8 has_trait;	 /* a command had one */
	__u8 subscribed; /* by RESP2: 1 to channels or patterns, 2 to sharded channels */
	__u8 acks;	 /* that may follow the last reply; ANY_ACKS for any number */
	__u8 is_monitor;
	__u8 reserved[3];
};

#define MOST_LENGTH (1ull << 40)
#define MOST_ELEMENTS (1u << 30)

/* The names of commands and the first words of errors: src/signals/l7/redis.ts. */
const volatile struct word redis_words[WORDS];

static __always_inline struct redis_state *redis_state(struct connection *c)
{
	return (struct redis_state *)&c->state;
}

/* What follows a command of this name, with so many arguments. */
static __always_inline __u32 trait_of_name(__u64 low, __u64 high, __u32 arguments)
{
	switch (low) {
	case BYTES8('M', 'O', 'N', 'I', 'T', 'O', 'R', 0):
		return REDIS_MONITOR;
	case BYTES8('S', 'Y', 'N', 'C', 0, 0, 0, 0):
	case BYTES8('P', 'S', 'Y', 'N', 'C', 0, 0, 0):
		return REDIS_SYNC;
	case BYTES8('R', 'E', 'S', 'E', 'T', 0, 0, 0):
		return REDIS_RESET;
	case BYTES8('S', 'U', 'B', 'S', 'C', 'R', 'I', 'B'):
	case BYTES8('P', 'S', 'U', 'B', 'S', 'C', 'R', 'I'):
	case BYTES8('S', 'S', 'U', 'B', 'S', 'C', 'R', 'I'):
	case BYTES8('U', 'N', 'S', 'U', 'B', 'S', 'C', 'R'):
	case BYTES8('P', 'U', 'N', 'S', 'U', 'B', 'S', 'C'):
	case BYTES8('S', 'U', 'N', 'S', 'U', 'B', 'S', 'C'):
		return REDIS_SUBSCRIBE +
		       (arguments && arguments <= ANY_ACKS ? arguments - 1 : ANY_ACKS);
	default:
		return REDIS_PLAIN;
	}
}
