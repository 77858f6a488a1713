/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Which protocol a connection speaks, and who of its ends is the server. */
#pragma once

#include "left_out.h"
#include "opening.h"
#include "protocols.h"
#include "protocols/amqp_resumes.h"
#include "protocols/http2_resumes.h"
#include "protocols/kafka_cut_heads.h"
#include "proxy.h"
#include "tls.h"

/*
 * False when requests are not looked for at the server's port, or when the bytes are those of TLS,
 * since a program has a session of them: the connection is opaque.
 */
static __always_inline bool begin_protocol(struct connection *c, __u32 direction,
					   enum l7_protocol protocol, enum beginning beginning)
{
	bool is_request = beginning == BEGINS_REQUEST;

	if (c->session_tgid) {
		c->tls = TLS_ENCRYPTED;
		set_modes(c, MODE_OPAQUE);
		return false;
	}
	c->role = is_request == (direction == RECEIVED) ? ROLE_SERVER : ROLE_CLIENT;
	if (is_server_left_out(c)) {
		c->role = 0;
		set_modes(c, MODE_OPAQUE);
		return false;
	}
	c->protocol = protocol;
	return true;
}

/*
 * Kafka's Metadata begins as a StartupMessage of PostgreSQL does. Behind these eight bytes the one
 * has an id, and the other the name of a parameter. Is it the former, as far as the same call has
 * the byte behind them?
 */
__noinline int is_kafka_metadata(__u64 word, __u64 address, __u64 bytes)
{
	__u8 byte = 0;

	return is_wanted(PROTOCOL_KAFKA) && bytes &&
	       !bpf_probe_read_user(&byte, 1, (void *)address) && !byte &&
	       kafka_begins(word, 8) == BEGINS_REQUEST;
}

/* Which protocol is it, by the first bytes of a connection? False when they cannot be read. */
__noinline int detect(struct connection *c, __u32 direction, __u64 address, __u64 bytes)
{
	bool may_begin, is_header = false;
	struct direction *d;
	__u32 known, more, protocol;
	__u64 word = 0;

	if (!c)
		return true;
	d = &c->directions[direction & 1];
	known = d->carry_len & 7;
	more = bytes < 8 - known ? bytes : 8 - known;
	/* Else the mask goes, which a verifier before Linux 6.2 needs. */
	barrier_var(more);
	if (!address || bpf_probe_read_user(&word, more & 15, (void *)address))
		return false;
	word = d->carry[0] | word << (8 * known);
	if (!c->is_proxied) {
		enum beginning beginning = proxy_begins(word, known + more);

		if (beginning == BEGINS_REQUEST) {
			d->carry[0] = word;
			d->mode = MODE_PROXY_HEADER;
			return true;
		}
		is_header = beginning == MAY_BEGIN;
	}
	/* A request of HTTP may begin with its first letters, by a method that is not known. */
	may_begin = is_header;
	if (c->tls == NOT_TLS) {
		enum beginning beginning = tls_begins(word, known + more);

		if (beginning == BEGINS_REQUEST) {
			c->tls = TLS_ENCRYPTED_WHOLE;
			set_modes(c, MODE_OPAQUE);
			return true;
		}
		may_begin |= beginning == MAY_BEGIN;
	}
	for (protocol = PROTOCOL_UNKNOWN + 1; protocol <= LAST_PROTOCOL; protocol++) {
		enum beginning beginning;

		if (is_header || !is_wanted(protocol))
			continue;
		beginning = begins(c, protocol, word, known + more);
		if (protocol == PROTOCOL_POSTGRESQL && beginning == BEGINS_REQUEST &&
		    is_kafka_metadata(word, address + more, bytes - more))
			continue;
		if (beginning >= BEGINS_REQUEST) {
			if (begin_protocol(c, direction, protocol, beginning))
				set_modes(c, MODE_PROTOCOL);
			if (protocol == PROTOCOL_HTTP)
				pass_empty_lines(d);
			return true;
		}
		may_begin |= beginning == MAY_BEGIN;
	}
	if (!may_begin) {
		set_modes(c, MODE_OPAQUE);
		return true;
	}
	if (!known)
		d->word = bpf_ktime_get_ns();
	d->carry[0] = word;
	d->carry_len = known + more;
	return true;
}

static __always_inline bool may_speak_kafka(const struct connection *c)
{
	return is_wanted(PROTOCOL_KAFKA) &&
	       (c->protocol == PROTOCOL_UNKNOWN || c->protocol == PROTOCOL_KAFKA);
}

/*
 * A request begins with the call before this one when both say so (kafka_cut_heads.h). What has
 * been kept of it is of no use otherwise. Global, so that it is verified once.
 */
__noinline int follow_kafka_head(struct connection *c, struct scratch *scratch, __u64 how)
{
	__u32 direction = how & 1;
	struct direction *d;
	bool is_lost;

	if (!c || !scratch || !may_speak_kafka(c))
		return 0;
	if (c->last_direction != direction) {
		drop_kafka_head(&c->directions[RECEIVED]);
		drop_kafka_head(&c->directions[SENT]);
		return 0;
	}
	d = &c->directions[direction];
	if (!d->carry_len)
		return 0;
	is_lost = d->kind;
	if (kafka_goes_on(c, scratch, how) != BEGINS_REQUEST ||
	    (c->protocol == PROTOCOL_KAFKA && direction != request_direction(c)) ||
	    !begin_protocol(c, direction, PROTOCOL_KAFKA, BEGINS_REQUEST)) {
		drop_kafka_head(d);
		return 0;
	}
	set_modes(c, MODE_PROTOCOL);
	if (is_lost)
		count_lost(c, REASON_JOINED_LATE, 1);
	return 0;
}

static __always_inline void detect_in_piece(struct connection *c, struct call_memory *memory,
					    __u32 direction)
{
	/* A later call may be one whose bytes can be read. */
	if (!detect(c, direction, READ_ONCE(memory->piece), READ_ONCE(memory->length)))
		desynchronize(c, REASON_UNREADABLE);
}

/*
 * Takes what a piece of a call's memory, which the scratch has, has of a connection's beginning:
 * behind a header of the PROXY protocol, the piece is what follows that.
 */
static __always_inline void begin(struct connection *c, struct scratch *scratch, __u32 direction)
{
	struct direction *d = &c->directions[direction & 1];
	struct call_memory *memory = &scratch->memory;

	if (d->mode == MODE_DETECT)
		detect_in_piece(c, memory, direction);
	if (d->mode != MODE_PROXY_HEADER)
		return;
	take_proxy_header(c, scratch, direction);
	if (d->mode == MODE_DETECT && READ_ONCE(memory->length))
		detect_in_piece(c, memory, direction);
}

/*
 * Does a request begin with this call? Tried when the direction turns, since only then a request
 * can follow what has been skipped, unless it is one of a pipeline. `how` is the direction, and the
 * number of the bytes from bit 1 on.
 */
__noinline int synchronize(struct connection *c, struct scratch *scratch, __u64 how)
{
	__u32 direction = how & 1, known, protocol;
	bool is_late;

	if (!c || !scratch)
		return 0;
	follow_kafka_head(c, scratch, how);
	if (c->directions[direction].mode != MODE_SYNC)
		return 0;
	/* Each of its directions has a beginning of its own. */
	if ((c->protocol == PROTOCOL_UNKNOWN || c->protocol == PROTOCOL_HTTP2) &&
	    http2_resumes(c, scratch, how))
		return 0;
	if ((c->protocol == PROTOCOL_UNKNOWN && is_wanted(PROTOCOL_AMQP)) ||
	    c->protocol == PROTOCOL_AMQP) {
		enum beginning beginning = amqp_resumes(c, scratch, how);

		if (beginning && c->protocol == PROTOCOL_UNKNOWN &&
		    !begin_protocol(c, direction, PROTOCOL_AMQP, beginning))
			return 0;
		if (beginning)
			c->directions[direction].mode = MODE_PROTOCOL;
		if (beginning || c->protocol == PROTOCOL_AMQP)
			return 0;
	}
	if (c->last_direction == direction)
		return 0;
	is_late = c->sync_reason == REASON_JOINED_LATE && c->protocol == PROTOCOL_UNKNOWN;
	known = how >> 1 < OPENING ? how >> 1 : OPENING;
	if (!read_opening(scratch, 0, known))
		return 0;
	if (c->protocol == PROTOCOL_UNKNOWN && c->tls == NOT_TLS &&
	    tls_resumes(scratch->bytes, known)) {
		c->tls = TLS_ENCRYPTED;
		set_modes(c, MODE_OPAQUE);
		return 0;
	}
	for (protocol = PROTOCOL_UNKNOWN + 1; protocol <= LAST_PROTOCOL; protocol++) {
		enum beginning beginning;

		if (!is_wanted(protocol) ||
		    (c->protocol != PROTOCOL_UNKNOWN && c->protocol != protocol))
			continue;
		beginning = resumes(c, protocol, scratch, known);
		/* Enough only where the protocol is known. */
		if (beginning == MAY_BEGIN && c->protocol != PROTOCOL_UNKNOWN)
			beginning = BEGINS_REQUEST;
		if (beginning == BEGINS_REQUEST && c->protocol != PROTOCOL_UNKNOWN &&
		    direction != request_direction(c))
			continue;
		if (beginning == BEGINS_REQUEST) {
			if (!begin_protocol(c, direction, protocol, beginning))
				return 0;
			set_modes(c, MODE_PROTOCOL);
			/* The other end has sent something: a response was under way. */
			if (is_late && c->last_direction <= SENT)
				count_lost(c, REASON_JOINED_LATE, 1);
			return 0;
		}
		if (beginning == BEGINS_RESPONSE && is_late) {
			if (begin_protocol(c, direction, protocol, beginning))
				count_lost(c, REASON_JOINED_LATE, 1);
			return 0;
		}
	}
	if (may_speak_kafka(c))
		keep_kafka_head(&c->directions[direction], scratch, known,
				is_late && c->last_direction <= SENT);
	return 0;
}
