/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Kafka: where a request begins on a connection whose bytes could not all be followed, of which a
 * call receives the beginning alone: brokers receive the length of a request in a call of its own
 * (NetworkReceive of Kafka), or with what says how its body has to be read (librdkafka).
 */
#pragma once

#include "../opening.h"
#include "kafka_begins.h"

/* Drops what keep_kafka_head() has left. */
static __always_inline void drop_kafka_head(struct direction *d)
{
	if (d->mode != MODE_SYNC)
		return;
	d->carry[0] = 0;
	d->carry[1] = 0;
	d->carry_len = 0;
	d->kind = 0;
}

/*
 * May this call, of so many bytes, be the beginning of a request's head? The carry has it then.
 * `is_lost`: a request is lost when it is one (synchronize()).
 */
static __always_inline void keep_kafka_head(struct direction *d, const struct scratch *scratch,
					    __u32 known, bool is_lost)
{
	const __u8 *bytes = scratch->bytes;

	if (known < KAFKA_LENGTH || known > KAFKA_REQUEST_HEAD ||
	    !may_be_kafka(*(const __u64 *)bytes, known < 8 ? known : 8))
		return;
	d->carry[0] = lowest(*(const __u64 *)bytes, known);
	d->carry[1] = known > 8 ? lowest(*(const __u64 *)&bytes[8], known - 8) : 0;
	d->carry_len = known;
	d->kind = is_lost;
	d->word = bpf_ktime_get_ns();
}

/*
 * Does this call, of so many bytes, go on with a request whose head the carry has the beginning of?
 * No function of its own: read_opening() lies deep enough.
 */
static __always_inline int kafka_goes_on(struct connection *c, struct scratch *scratch, __u64 how)
{
	__u32 known, more, n;
	struct direction *d;

	d = &c->directions[how & 1];
	known = d->carry_len & 15;
	more = how >> 1 < OPENING ? how >> 1 : OPENING;
	if (!known || !read_opening(scratch, 0, more))
		return BEGINS_NOT;
	for (n = OPENING; n-- > 0;)
		scratch->bytes[known + n] = scratch->bytes[n];
	for (n = 0; n < KAFKA_REQUEST_HEAD; n++)
		if (n < known)
			scratch->bytes[n] = d->carry[n / 8] >> (8 * (n & 7));
	return kafka_resumes(c, scratch, known + more < OPENING ? known + more : OPENING);
}
