/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where frames of AMQP are found again, on a connection whose bytes could not all be followed. */
#pragma once

#include "../opening.h"
#include "amqp_state.h"

/*
 * Does a call begin with a method, on a connection whose bytes could not all be followed, and who
 * sends it? `how` is the direction, and the number of the bytes from bit 1 on. Returns an enum
 * beginning.
 */
__noinline int amqp_resumes(struct connection *c, struct scratch *scratch, __u64 how)
{
	__u32 channel, size, operation, method;
	bool is_clients, is_servers, is_request;
	__u64 bytes = how >> 1, low;

	if (!c || !scratch || bytes < AMQP_FRAME_HEADER + AMQP_IDS + 1 ||
	    !read_opening(scratch, 0, AMQP_FRAME_HEADER + AMQP_IDS))
		return BEGINS_NOT;
	low = *(const __u64 *)scratch->bytes;
	channel = __builtin_bswap16(low >> 8);
	size = __builtin_bswap32(low >> 24);
	operation = amqp_operation(*(const __u32 *)&scratch->bytes[AMQP_FRAME_HEADER]);
	if ((low & 0xff) != AMQP_METHOD || !operation || size < AMQP_IDS || size > AMQP_SIZE_MAX ||
	    (operation < AMQP_OPERATION(AMQP_OF_CHANNEL, 0)) != !channel)
		return BEGINS_NOT;
	if (bytes > (__u64)AMQP_FRAME_HEADER + size &&
	    (!read_opening(scratch, (__u64)AMQP_FRAME_HEADER + size, 1) ||
	     scratch->bytes[0] != AMQP_LAST_BYTE))
		return BEGINS_NOT;
	method = amqp_method(operation);
	is_clients = by_client(method) != CLIENT_NEVER;
	is_servers = by_server(method) != SERVER_NEVER;
	if (c->protocol == PROTOCOL_UNKNOWN) {
		/* It has to tell who sends it; and a session is kept in the place of the state. */
		if (is_clients == is_servers || c->session_tgid)
			return BEGINS_NOT;
		amqp_state(c)->strays = STRAYS_LATE;
		return is_clients ? BEGINS_REQUEST : BEGINS_RESPONSE;
	}
	is_request = (how & 1) == request_direction(c);
	return is_request && is_clients	 ? BEGINS_REQUEST :
	       !is_request && is_servers ? BEGINS_RESPONSE :
					   BEGINS_NOT;
}
