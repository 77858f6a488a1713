/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The protocols that there are. Each is one file, and has a row in each of these functions:
 *
 *   NAME_begins         what the first bytes of a connection are to it
 *   NAME_resumes        what the first bytes of a call are, on a connection that is joined late
 *   NAME_take           steps over the bytes of a call; a global function, verified by itself
 *   NAME_needs_no_bytes are the bytes of a call such that only their number matters?
 *   NAME_end            one direction carries nothing more
 */
#pragma once

#include "protocols/amqp.h"
#include "protocols/dns.h"
#include "protocols/http.h"
#include "protocols/http2.h"
#include "protocols/kafka.h"
#include "protocols/memcached.h"
#include "protocols/mysql.h"
#include "protocols/postgresql.h"
#include "protocols/redis.h"

static __always_inline enum beginning begins(struct connection *c, enum l7_protocol protocol,
					     __u64 word, __u32 known)
{
	switch (protocol) {
	case PROTOCOL_HTTP:
		return http_begins(word, known);
	case PROTOCOL_REDIS:
		return redis_begins(word, known);
	case PROTOCOL_POSTGRESQL:
		return postgresql_begins(word, known);
	case PROTOCOL_MYSQL:
		return mysql_begins(word, known);
	case PROTOCOL_DNS:
		return dns_begins(c, word, known);
	case PROTOCOL_HTTP2:
		return http2_begins(word, known);
	case PROTOCOL_MEMCACHED:
		return memcached_begins(word, known);
	case PROTOCOL_AMQP:
		return amqp_begins(word, known);
	case PROTOCOL_KAFKA:
		return kafka_begins(word, known);
	default:
		return BEGINS_NOT;
	}
}

static __always_inline enum beginning resumes(struct connection *c, enum l7_protocol protocol,
					      struct scratch *scratch, __u32 known)
{
	switch (protocol) {
	case PROTOCOL_HTTP:
		return http_resumes(scratch->bytes, known);
	case PROTOCOL_REDIS:
		return redis_resumes(scratch, known);
	case PROTOCOL_POSTGRESQL:
		return postgresql_resumes(scratch, known);
	case PROTOCOL_MYSQL:
		return mysql_resumes(scratch, known);
	case PROTOCOL_DNS:
		return dns_resumes(c, scratch, known);
	case PROTOCOL_MEMCACHED:
		return memcached_resumes(c, scratch, known);
	case PROTOCOL_KAFKA:
		return kafka_resumes(c, scratch, known);
	default:
		return BEGINS_NOT;
	}
}

/* Does it begin with the bytes that the carry has from before the detection? */
static __always_inline bool begins_in_carry(enum l7_protocol protocol)
{
	return protocol == PROTOCOL_HTTP || protocol == PROTOCOL_HTTP2;
}

/*
 * Steps over `bytes` bytes of a call from this address on, or, with 0 for the address, bytes that
 * cannot be read for this reason. `how` is the direction, and the reason from bit 1 on.
 */
static __always_inline void step_over_bytes(struct connection *c, struct scratch *scratch,
					    __u64 address, __u64 bytes, __u32 how)
{
	switch (c->protocol) {
	case PROTOCOL_HTTP:
		http_take(c, scratch, address, bytes, how);
		break;
	case PROTOCOL_REDIS:
		redis_take(c, scratch, address, bytes, how);
		break;
	case PROTOCOL_POSTGRESQL:
		postgresql_take(c, scratch, address, bytes, how);
		break;
	case PROTOCOL_MYSQL:
		mysql_take(c, scratch, address, bytes, how);
		break;
	case PROTOCOL_DNS:
		dns_take(c, scratch, address, bytes, how);
		break;
	case PROTOCOL_HTTP2:
		http2_take(c, scratch, address, bytes, how);
		break;
	case PROTOCOL_MEMCACHED:
		memcached_take(c, scratch, address, bytes, how);
		break;
	case PROTOCOL_AMQP:
		amqp_take(c, scratch, address, bytes, how);
		break;
	case PROTOCOL_KAFKA:
		kafka_take(c, scratch, address, bytes, how);
		break;
	}
}

static __always_inline bool needs_no_bytes(struct connection *c, __u32 direction, __u64 bytes)
{
	switch (c->protocol) {
	case PROTOCOL_HTTP:
		return http_needs_no_bytes(c, direction, bytes);
	case PROTOCOL_REDIS:
		return redis_needs_no_bytes(c, direction, bytes);
	case PROTOCOL_POSTGRESQL:
		return postgresql_needs_no_bytes(c, direction, bytes);
	case PROTOCOL_MYSQL:
		return mysql_needs_no_bytes(c, direction, bytes);
	case PROTOCOL_DNS:
		return dns_needs_no_bytes(c, direction, bytes);
	case PROTOCOL_HTTP2:
		return http2_needs_no_bytes(c, direction, bytes);
	case PROTOCOL_MEMCACHED:
		return memcached_needs_no_bytes(c, direction, bytes);
	case PROTOCOL_AMQP:
		return amqp_needs_no_bytes(c, direction, bytes);
	case PROTOCOL_KAFKA:
		return kafka_needs_no_bytes(c, direction, bytes);
	default:
		return false;
	}
}

/* A direction carries nothing more. */
__noinline int end_direction(struct connection *c, __u32 direction, __u64 now)
{
	if (!c)
		return 0;
	switch (c->protocol) {
	case PROTOCOL_HTTP:
		http_end(c, direction, now);
		break;
	case PROTOCOL_REDIS:
		redis_end(c, direction, now);
		break;
	case PROTOCOL_POSTGRESQL:
		postgresql_end(c, direction, now);
		break;
	case PROTOCOL_MYSQL:
		mysql_end(c, direction, now);
		break;
	case PROTOCOL_DNS:
		dns_end(c, direction, now);
		break;
	case PROTOCOL_MEMCACHED:
		memcached_end(c, direction, now);
		break;
	case PROTOCOL_AMQP:
		amqp_end(c, direction, now);
		break;
	case PROTOCOL_KAFKA:
		kafka_end(c, direction, now);
		break;
	}
	return 0;
}
