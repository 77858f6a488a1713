/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kafka: what a connection, and a call, begins with. Nothing is counted before the first response
 * has had the correlation id of the first request (kafka_responses.h).
 */
#pragma once

#include "../reader.h"
#include "kafka_state.h"

/* Do these bytes of a request's head say what one may say, as far as they are known? */
static __always_inline bool may_be_kafka(__u64 word, __u32 known)
{
	__u32 length = __builtin_bswap32(word), key = __builtin_bswap16(word >> 32);
	__u32 version = __builtin_bswap16(word >> 48), versions;

	/* Each key is less than 256, and so is each version. */
	if (known < 8)
		return !lowest(word, known < 1 ? known : 1) &&
		       (known < 4 || (length >= KAFKA_REQUEST_HEAD - KAFKA_LENGTH &&
				      length < KAFKA_BEGINNING_MAX)) &&
		       (known < 5 || !(key >> 8)) && (known < 7 || !(version >> 8));
	if (length < KAFKA_REQUEST_HEAD - KAFKA_LENGTH || length >= KAFKA_BEGINNING_MAX ||
	    key >= KAFKA_APIS)
		return false;
	versions = kafka_apis[key & (KAFKA_APIS - 1)].versions;
	return versions && version < versions + KAFKA_NEWER;
}

/* Does a connection begin so? */
__noinline int kafka_begins(__u64 word, __u32 known)
{
	if (!may_be_kafka(word, known))
		return BEGINS_NOT;
	return known >= 8 ? BEGINS_REQUEST : MAY_BEGIN;
}

/*
 * Does a request begin with these first bytes of a call? Its client has a name, since zeros in
 * place of that may be anything.
 */
__noinline int kafka_resumes(struct connection *c, struct scratch *scratch, __u32 known)
{
	const __u8 *bytes;
	__u32 n, client;

	if (!c || !scratch || known <= KAFKA_REQUEST_HEAD || known > OPENING)
		return BEGINS_NOT;
	bytes = scratch->bytes;
	client = __builtin_bswap16(*(const __u16 *)&bytes[12]);
	if (!may_be_kafka(*(const __u64 *)bytes, 8) || !client || client > KAFKA_CLIENT_MAX ||
	    client > __builtin_bswap32(*(const __u32 *)bytes) - (KAFKA_REQUEST_HEAD - KAFKA_LENGTH))
		return BEGINS_NOT;
	for (n = KAFKA_REQUEST_HEAD; n < OPENING; n++) {
		if (n >= known || n - KAFKA_REQUEST_HEAD >= client)
			break;
		if (bytes[n] < ' ' || bytes[n] > '~')
			return BEGINS_NOT;
	}
	if (!c->session_tgid) {
		*kafka_state(c) = (struct kafka_state){ .is_late = 1, .earlier = KAFKA_EARLIER };
		c->is_verified = 0;
	}
	return BEGINS_REQUEST;
}
