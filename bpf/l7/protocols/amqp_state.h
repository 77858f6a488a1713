/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * AMQP 0-9-1: what is known of its methods (amqp0-9-1.extended.xml of RabbitMQ), and of a
 * connection.
 */
#pragma once

#include "../connection.h"
#include "../queue.h"
#include "../words.h"

enum amqp_mode {
	AMQP_FRAME = MODE_PROTOCOL, /* in a frame's header, which the carry takes */
	AMQP_HEAD,		    /* in the ids of a method, or the head of a content */
	AMQP_FIXED,		    /* in a method's first arguments, … */
	AMQP_STRINGS,		    /* … in short strings that do not matter, … */
	AMQP_TAIL,		    /* … and in what lies behind these */
	AMQP_REST,		    /* `left` bytes of a frame, nothing of which matters */
	AMQP_END,		    /* at a frame's last byte */
};

/* Types of frames: a direction's `kind`. */
#define AMQP_METHOD 1
#define AMQP_HEADER 2
#define AMQP_BODY 3
#define AMQP_HEARTBEAT 8

#define AMQP_FRAME_HEADER 7
#define AMQP_IDS 4	/* bytes of a method's class and number, … */
#define AMQP_CONTENT 12 /* … and of a content's class, weight and size */
#define AMQP_LAST_BYTE 0xce

/* No frame is as long: clients and servers agree on 128 KiB, or some MB. */
#define AMQP_SIZE_MAX (1u << 30)

/* What a connection begins with. */
#define AMQP_OPENING BYTES8('A', 'M', 'Q', 'P', 0, 0, 9, 1)

/* Of a direction: the method is not to be answered. */
#define AMQP_NO_WAIT 1

/*
 * Operations are methods by their class and number. The classes 10 to 60 have tens, confirm is 85
 * and tx is 90. The same is in src/signals/l7/protocols/amqp.ts.
 */
#define AMQP_OPERATION(class, method) ((class) << 7 | (method))
enum {
	AMQP_OF_CONNECTION,
	AMQP_OF_CHANNEL,
	AMQP_OF_ACCESS,
	AMQP_OF_EXCHANGE,
	AMQP_OF_QUEUE,
	AMQP_OF_BASIC,
	AMQP_OF_CONFIRM,
	AMQP_OF_TX,
};
#define AMQP_CHANNEL_OPEN AMQP_OPERATION(AMQP_OF_CHANNEL, 10)
#define AMQP_CHANNEL_CLOSE AMQP_OPERATION(AMQP_OF_CHANNEL, 40)
#define AMQP_CHANNEL_CLOSE_OK AMQP_OPERATION(AMQP_OF_CHANNEL, 41)
#define AMQP_GET_OK AMQP_OPERATION(AMQP_OF_BASIC, 71)
#define AMQP_NACK_METHOD AMQP_OPERATION(AMQP_OF_BASIC, 120)
#define AMQP_CONFIRM_SELECT AMQP_OPERATION(AMQP_OF_CONFIRM, 10)

/* Statuses beside STATUS_OK, STATUS_OTHER and the codes of replies, which have three digits. */
#define STATUS_NACK 3

/* What a method is that a client sends. */
enum amqp_client {
	CLIENT_NEVER,
	CLIENT_ASKS,	/* a request */
	CLIENT_TELLS,	/* one that has no answer */
	CLIENT_ANSWERS, /* to a server: nothing that counts */
};

/* The same of a server. */
enum amqp_server {
	SERVER_NEVER,
	SERVER_ANSWERS,
	SERVER_TELLS,
	SERVER_CONFIRMS,
	SERVER_CLOSES,
	SERVER_ASKS, /* nothing that counts */
};

/* What of a method's arguments matters, in the order in which they come. */
enum amqp_fixed {
	FIXED_NONE,
	FIXED_SHORT, /* a code, or what is reserved */
	FIXED_TAG,   /* a delivery's tag, and bits */
};

enum amqp_tail {
	TAIL_NONE,
	TAIL_BITS, /* one of which says that no answer is wanted */
	TAIL_IDS,  /* of the method that has failed */
};

#define METHOD(class, number, client, server) METHOD_WITH(class, number, client, server, 0)
#define METHOD_WITH(class, number, client, server, more) \
	[AMQP_OPERATION(AMQP_OF_##class, number)] = (client) | (server) << 2 | (more)
#define CONTENT (1 << 5)
#define ARGUMENTS(fixed, strings, tail, bit) \
	((fixed) << 6 | (strings) << 8 | (tail) << 10 | (bit) << 12)

static const __u16 amqp_methods[1024] = {
	METHOD(CONNECTION, 10, CLIENT_NEVER, SERVER_ASKS),
	METHOD(CONNECTION, 11, CLIENT_ANSWERS, SERVER_NEVER),
	METHOD(CONNECTION, 20, CLIENT_NEVER, SERVER_ASKS),
	METHOD(CONNECTION, 21, CLIENT_ANSWERS, SERVER_NEVER),
	METHOD(CONNECTION, 30, CLIENT_NEVER, SERVER_ASKS),
	METHOD(CONNECTION, 31, CLIENT_ANSWERS, SERVER_NEVER),
	METHOD(CONNECTION, 40, CLIENT_ASKS, SERVER_NEVER),
	METHOD(CONNECTION, 41, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(CONNECTION, 50, CLIENT_ASKS, SERVER_CLOSES,
		    ARGUMENTS(FIXED_SHORT, 1, TAIL_IDS, 0)),
	METHOD(CONNECTION, 51, CLIENT_ANSWERS, SERVER_ANSWERS),
	METHOD(CONNECTION, 60, CLIENT_NEVER, SERVER_TELLS),
	METHOD(CONNECTION, 61, CLIENT_NEVER, SERVER_TELLS),
	METHOD(CONNECTION, 70, CLIENT_ASKS, SERVER_NEVER),
	METHOD(CONNECTION, 71, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD(CHANNEL, 10, CLIENT_ASKS, SERVER_NEVER),
	METHOD(CHANNEL, 11, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD(CHANNEL, 20, CLIENT_ASKS, SERVER_TELLS),
	METHOD(CHANNEL, 21, CLIENT_ANSWERS, SERVER_ANSWERS),
	METHOD_WITH(CHANNEL, 40, CLIENT_ASKS, SERVER_CLOSES,
		    ARGUMENTS(FIXED_SHORT, 1, TAIL_IDS, 0)),
	METHOD(CHANNEL, 41, CLIENT_ANSWERS, SERVER_ANSWERS),
	METHOD(ACCESS, 10, CLIENT_ASKS, SERVER_NEVER),
	METHOD(ACCESS, 11, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(EXCHANGE, 10, CLIENT_ASKS, SERVER_NEVER,
		    ARGUMENTS(FIXED_SHORT, 2, TAIL_BITS, 4)),
	METHOD(EXCHANGE, 11, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(EXCHANGE, 20, CLIENT_ASKS, SERVER_NEVER,
		    ARGUMENTS(FIXED_SHORT, 1, TAIL_BITS, 1)),
	METHOD(EXCHANGE, 21, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(EXCHANGE, 30, CLIENT_ASKS, SERVER_NEVER,
		    ARGUMENTS(FIXED_SHORT, 3, TAIL_BITS, 0)),
	METHOD(EXCHANGE, 31, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(EXCHANGE, 40, CLIENT_ASKS, SERVER_NEVER,
		    ARGUMENTS(FIXED_SHORT, 3, TAIL_BITS, 0)),
	METHOD(EXCHANGE, 51, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(QUEUE, 10, CLIENT_ASKS, SERVER_NEVER, ARGUMENTS(FIXED_SHORT, 1, TAIL_BITS, 4)),
	METHOD(QUEUE, 11, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(QUEUE, 20, CLIENT_ASKS, SERVER_NEVER, ARGUMENTS(FIXED_SHORT, 3, TAIL_BITS, 0)),
	METHOD(QUEUE, 21, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(QUEUE, 30, CLIENT_ASKS, SERVER_NEVER, ARGUMENTS(FIXED_SHORT, 1, TAIL_BITS, 0)),
	METHOD(QUEUE, 31, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(QUEUE, 40, CLIENT_ASKS, SERVER_NEVER, ARGUMENTS(FIXED_SHORT, 1, TAIL_BITS, 2)),
	METHOD(QUEUE, 41, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD(QUEUE, 50, CLIENT_ASKS, SERVER_NEVER),
	METHOD(QUEUE, 51, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD(BASIC, 10, CLIENT_ASKS, SERVER_NEVER),
	METHOD(BASIC, 11, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(BASIC, 20, CLIENT_ASKS, SERVER_NEVER, ARGUMENTS(FIXED_SHORT, 2, TAIL_BITS, 3)),
	METHOD(BASIC, 21, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(BASIC, 30, CLIENT_ASKS, SERVER_TELLS, ARGUMENTS(FIXED_NONE, 1, TAIL_BITS, 0)),
	METHOD(BASIC, 31, CLIENT_ANSWERS, SERVER_ANSWERS),
	METHOD_WITH(BASIC, 40, CLIENT_TELLS, SERVER_NEVER, CONTENT),
	METHOD_WITH(BASIC, 50, CLIENT_NEVER, SERVER_TELLS,
		    CONTENT | ARGUMENTS(FIXED_SHORT, 0, TAIL_NONE, 0)),
	METHOD_WITH(BASIC, 60, CLIENT_NEVER, SERVER_TELLS, CONTENT),
	METHOD(BASIC, 70, CLIENT_ASKS, SERVER_NEVER),
	METHOD_WITH(BASIC, 71, CLIENT_NEVER, SERVER_ANSWERS, CONTENT),
	METHOD(BASIC, 72, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(BASIC, 80, CLIENT_TELLS, SERVER_CONFIRMS,
		    ARGUMENTS(FIXED_TAG, 0, TAIL_NONE, 0)),
	METHOD(BASIC, 90, CLIENT_TELLS, SERVER_NEVER),
	METHOD(BASIC, 100, CLIENT_TELLS, SERVER_NEVER),
	METHOD(BASIC, 110, CLIENT_ASKS, SERVER_NEVER),
	METHOD(BASIC, 111, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD_WITH(BASIC, 120, CLIENT_TELLS, SERVER_CONFIRMS,
		    ARGUMENTS(FIXED_TAG, 0, TAIL_NONE, 0)),
	METHOD_WITH(CONFIRM, 10, CLIENT_ASKS, SERVER_NEVER, ARGUMENTS(FIXED_NONE, 0, TAIL_BITS, 0)),
	METHOD(CONFIRM, 11, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD(TX, 10, CLIENT_ASKS, SERVER_NEVER),
	METHOD(TX, 11, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD(TX, 20, CLIENT_ASKS, SERVER_NEVER),
	METHOD(TX, 21, CLIENT_NEVER, SERVER_ANSWERS),
	METHOD(TX, 30, CLIENT_ASKS, SERVER_NEVER),
	METHOD(TX, 31, CLIENT_NEVER, SERVER_ANSWERS),
};

#undef METHOD
#undef METHOD_WITH
#undef CONTENT
#undef ARGUMENTS

/* What amqp_methods has of an operation. */
static __always_inline __u32 amqp_method(__u32 operation)
{
	return amqp_methods[operation & 1023];
}

static __always_inline enum amqp_client by_client(__u32 method)
{
	return method & 3;
}

static __always_inline enum amqp_server by_server(__u32 method)
{
	return method >> 2 & 7;
}

static __always_inline bool has_content(__u32 method)
{
	return method >> 5 & 1;
}

static __always_inline enum amqp_fixed fixed_of(__u32 method)
{
	return method >> 6 & 3;
}

static __always_inline __u32 strings_of(__u32 method)
{
	return method >> 8 & 3;
}

static __always_inline enum amqp_tail tail_of(__u32 method)
{
	return method >> 10 & 3;
}

static __always_inline __u32 no_wait_bit_of(__u32 method)
{
	return method >> 12 & 7;
}

/* The operation of a class and a method, two big-endian numbers; 0 of one that is not known. */
static __always_inline __u32 amqp_operation(__u32 ids)
{
	__u32 class = __builtin_bswap16(ids), method = __builtin_bswap16(ids >> 16), operation;

	if (method > 127)
		return 0;
	if (class == 85)
		operation = AMQP_OPERATION(AMQP_OF_CONFIRM, method);
	else if (class == 90)
		operation = AMQP_OPERATION(AMQP_OF_TX, method);
	else if (class >= 10 && class <= 60 && class % 10 == 0)
		operation = AMQP_OPERATION(class / 10 - 1, method);
	else
		return 0;
	return amqp_method(operation) ? operation : 0;
}

/* The operation of the request that an answer is to. */
static __always_inline __u32 amqp_request_of(__u32 answer)
{
	switch (answer) {
	case AMQP_OPERATION(AMQP_OF_EXCHANGE, 51):
		return AMQP_OPERATION(AMQP_OF_EXCHANGE, 40);
	case AMQP_OPERATION(AMQP_OF_BASIC, 72):
		return AMQP_OPERATION(AMQP_OF_BASIC, 70);
	default:
		return answer - 1;
	}
}

/* A content that is under way: those of several channels may come by turns. */
struct amqp_content {
	__u64 word; /* of its method; 0: there is none */
	__u64 left; /* bytes of the body that are to come */
	__u16 channel;
	__u16 status;
	__u8 has_head;
	__u8 reserved[3];
};

#define AMQP_CONTENTS 5

/* In place of a connection's slots, which are for answers that come in order. */
struct amqp_connection {
	struct amqp_content contents[2][AMQP_CONTENTS]; /* by direction */
	__u32 open;					/* entries in the map (amqp_channels.h) */
	__u16 highest;					/* channel that has one */
	__u16 last_channel;				/* that a request has come on */
	__u8 confirms;					/* some channel has them */
	__u8 reserved[7];
};

_Static_assert(sizeof(struct amqp_connection) <= sizeof(no_connection.slots), "amqp_connection");

/* What becomes of answers to no request that waits. */
enum amqp_strays {
	STRAYS_EARLY,	/* they are kept: the call that sends the request has not returned yet */
	STRAYS_LATE,	/* the requests came before the connection was joined: they are lost */
	STRAYS_IGNORED, /* the requests are lost already, or were skipped */
};

/* In a connection's state: it lasts when requests were lost. */
struct amqp_state {
	__u8 strays;
	__u8 reserved[7];
};

static __always_inline struct amqp_connection *amqp_of(struct connection *c)
{
	return (struct amqp_connection *)c->slots;
}

static __always_inline struct amqp_state *amqp_state(struct connection *c)
{
	return (struct amqp_state *)&c->state;
}

/* A reply's code as a status. */
static __always_inline __u32 amqp_status(__u32 code)
{
	return code == 200 ? STATUS_OK : code > 200 && code < 1000 ? code : STATUS_OTHER;
}
