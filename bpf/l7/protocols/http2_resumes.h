/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Where frames of HTTP/2 are found again, on a connection whose bytes could not all be followed. */
#pragma once

#include "../opening.h"
#include "http2.h"

/*
 * Who sends a header block, by the first byte of it: pseudo-fields of the static table come
 * first.
 */
static __always_inline enum beginning beginning_of_block(__u32 byte)
{
	__u32 index = byte & 0x80 ? byte & 0x7f : byte & 0x40 ? byte & 0x3f : byte & 0x0f;

	if ((byte & 0xe0) == 0x20 || !index || index > 14)
		return BEGINS_NOT;
	return index < 8 ? BEGINS_REQUEST : BEGINS_RESPONSE;
}

/* Frames that a call has to begin with, one behind another, unless it ends behind fewer. */
#define FRAMES_TO_TRUST 4

/*
 * Does a call begin with frames, on a connection whose bytes could not all be followed? So it does
 * when it consists of whole frames, or begins with FRAMES_TO_TRUST of them. Where the protocol is
 * not known yet, one has to be a header block that tells who sends it. `how` is the direction, and
 * the number of the bytes from bit 1 on.
 */
__noinline int http2_resumes(struct connection *c, struct scratch *scratch, __u64 how)
{
	enum beginning beginning = BEGINS_NOT;
	__u64 bytes = how >> 1, at = 0;
	__u32 n, direction = how & 1;
	struct frame frame;

	if (!c || !scratch)
		return false;
	for (n = 0; n < FRAMES_TO_TRUST; n++) {
		__u64 low;

		if (at == bytes && n)
			break;
		if (at + FRAME_HEADER > bytes || !read_opening(scratch, at, FRAME_HEADER))
			return false;
		low = *(const __u64 *)scratch->bytes;
		frame = frame_of(low, scratch->bytes[8]);
		if (!is_frame(&frame) || frame.type > FRAME_CONTINUATION ||
		    frame.flags & ~FRAME_FLAGS || low >> 40 & 0x80 ||
		    (frame.type == FRAME_CONTINUATION && !n))
			return false;
		at += FRAME_HEADER;
		if (frame.type == FRAME_HEADERS && !beginning &&
		    read_opening(scratch, at + prefix_length(frame.type, frame.flags), 1))
			beginning = beginning_of_block(scratch->bytes[0]);
		at += frame.length;
	}
	if (at != bytes && n < FRAMES_TO_TRUST)
		return false;
	if (c->protocol == PROTOCOL_UNKNOWN) {
		/* A session is kept in the place of the streams' state. */
		if (beginning == BEGINS_NOT || c->session_tgid)
			return false;
		c->protocol = PROTOCOL_HTTP2;
		c->role = (beginning == BEGINS_REQUEST) == (direction == RECEIVED) ? ROLE_SERVER :
										     ROLE_CLIENT;
		streams_state(c)->known_from = NEVER;
	} else if (beginning != BEGINS_NOT &&
		   (beginning == BEGINS_REQUEST) != (direction == request_direction(c))) {
		return false;
	}
	c->directions[direction].mode = HTTP2_FRAME;
	return true;
}
