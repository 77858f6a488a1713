/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kafka: what is known of a connection, of its requests and of their responses ("Kafka Protocol
 * Guide"; clients/src/main/resources/common/message of Kafka's sources).
 */
#pragma once

#include "../connection.h"
#include "../queue.h"
#include "../words.h"

enum kafka_mode {
	KAFKA_HEAD = MODE_PROTOCOL, /* in the first bytes of a message: they are in the carry */
	KAFKA_FIELDS, /* behind `elements` bytes that are passed over, in a field of this `kind` */
	KAFKA_REST,   /* `left` bytes of a message, nothing of which matters */
};

/* A field: the carry has its number, as far as it has come. */
enum kafka_field {
	KAFKA_CLIENT,	  /* a byte of the client's name, which can be printed */
	KAFKA_TAGS,	  /* how many tagged fields follow: in the carry's second word */
	KAFKA_TAG,	  /* the number of one, … */
	KAFKA_TAG_SIZE,	  /* … and how long it is */
	KAFKA_ID,	  /* the length of a transaction's name, in two bytes; -1: there is none */
	KAFKA_COMPACT_ID, /* the same and 1, as a varint; 0: there is none */
	KAFKA_NUMBER,	  /* acks of a request; an error of a response */
};

/* Of a request. */
#define KAFKA_IS_FLEXIBLE 1	 /* tagged fields follow the head */
#define KAFKA_IS_PRODUCE 2	 /* a name of a transaction, and acks */
#define KAFKA_IS_TRANSACTIONAL 4 /* it has that name */
#define KAFKA_IS_SILENT 8	 /* it has no response */

/* Of a response, which has a code for all of it; behind how many bytes of its body. */
#define KAFKA_HAS_CODE 1
#define KAFKA_IS_THROTTLED 2
#define KAFKA_HAS_TAGS 4

/* The lowest bits of a request's correlation id, in its trait (queue.h) behind those. */
#define KAFKA_ID_SHIFT 3
#define KAFKA_ID_MASK 3

/* It answers a request from before the connection was joined. */
#define KAFKA_EXTRA 8

/* Of a connection. */
struct kafka_state {
	__u32 first_id; /* correlation id of the first request, and of its response */
	__u8 has_first; /* there is one */
	__u8 is_late;	/* it was joined by what a call begins with */
	__u8 earlier;	/* responses to requests from before that, which may still come */
	__u8 reserved;
};

/* Requests that may be under way when a connection is joined. */
#define KAFKA_EARLIER 64

/* Key, version, correlation id and the length of the client's name, behind a request's length. */
#define KAFKA_REQUEST_HEAD 14
#define KAFKA_RESPONSE_HEAD 8
#define KAFKA_LENGTH 4

/* Of a message, and of the first request of a connection. */
#define KAFKA_LENGTH_MAX (1u << 30)
#define KAFKA_BEGINNING_MAX (1u << 24)

/* The longest name of a client that a connection may begin with. */
#define KAFKA_CLIENT_MAX 1024

#define KAFKA_PRODUCE 0

/* From these versions on, Produce has a transaction's name, and tagged fields. */
#define KAFKA_TRANSACTIONAL_PRODUCE 3
#define KAFKA_FLEXIBLE_PRODUCE 9

/* Newer versions than are known that a connection may begin with. */
#define KAFKA_NEWER 3

#define KAFKA_APIS 128

/* What is known of the requests of a key: src/signals/l7/protocols/kafka.ts. */
struct kafka_api {
	__u8 versions;	/* the newest version that is known, and 1; 0: the key is not */
	__u8 flexible;	/* from this version on, its responses have tagged fields */
	__u8 code;	/* from this version on, … */
	__u8 throttled; /* … behind a time from this one on, … */
	__u8 code_end;	/* … and before this one, they have a code for all of them */
	__u8 reserved[3];
};

/* The fuzzer (test/fuzz/l7/parser.c) defines some. */
#ifndef KNOWN_KAFKA_APIS
#define KNOWN_KAFKA_APIS
#endif
const volatile struct kafka_api kafka_apis[KAFKA_APIS] KNOWN_KAFKA_APIS;

/* The highest code that is known: errors there. */
const volatile __u32 kafka_last_error;

static __always_inline struct kafka_state *kafka_state(struct connection *c)
{
	return (struct kafka_state *)&c->state;
}

/* The number of a code's status. */
static __always_inline __u32 kafka_status(__s16 code)
{
	if (!code)
		return STATUS_OK;
	if (code < -1 || code > (__s32)kafka_last_error)
		return STATUS_OTHER;
	return STATUS_OTHER + 2 + code;
}

/* What the trait of a request tells of its response's beginning. */
static __always_inline __u32 kafka_trait(__u32 key, __u32 version)
{
	const volatile struct kafka_api *api = &kafka_apis[key & (KAFKA_APIS - 1)];
	__u32 trait = 0;

	if (key >= KAFKA_APIS || version >= api->versions || version < api->code ||
	    version >= api->code_end)
		return 0;
	trait |= KAFKA_HAS_CODE;
	trait |= version >= api->throttled ? KAFKA_IS_THROTTLED : 0;
	trait |= version >= api->flexible ? KAFKA_HAS_TAGS : 0;
	return trait;
}

static __always_inline __u32 kafka_operation(__u32 key)
{
	return key < KAFKA_APIS && kafka_apis[key & (KAFKA_APIS - 1)].versions ? key + 1 : 0;
}

static __always_inline void begin_kafka_message(struct direction *d)
{
	begin_message_in(d, KAFKA_HEAD);
}
