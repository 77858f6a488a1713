/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Headers of memcached's binary protocol. */
#pragma once

#include "../reader.h"
#include "../words.h"
#include "memcached_replies.h"
#include "memcached_state.h"

/* The carry has what matters of a request's header. */
static __always_inline bool take_binary_request(struct reader *r, struct direction *d)
{
	__u32 opcode = d->carry[0] >> 8 & 0xff, trait = is_quiet_opcode(opcode) ? TRAIT_QUIET : 0;

	d->operation = memcached_opcodes[opcode];
	memcached_state(r->c)->is_binary = 1;
	if (opcode == MC_QUITQ)
		d->flags |= MC_SILENT;
	else
		add_memcached_command(r->c, request_word(d->word, d->operation, trait));
	return (d->carry[0] & 0xff) == MC_REQUEST;
}

/* The code of a failure; what is not found, or is there already, is none. */
__noinline int status_of_binary(__u32 status)
{
	__u64 low = 0, high = 0;

	switch (status) {
	case 0x00: /* SUCCESS */
	case 0x01: /* KEY_ENOENT */
	case 0x02: /* KEY_EEXISTS */
	case 0x05: /* NOT_STORED */
	case 0x21: /* AUTH_CONTINUE */
		return STATUS_OK;
	case 0x03:
		low = BYTES8('E', '2', 'B', 'I', 'G', 0, 0, 0);
		break;
	case 0x04:
		low = BYTES8('E', 'I', 'N', 'V', 'A', 'L', 0, 0);
		break;
	case 0x06:
		low = BYTES8('D', 'E', 'L', 'T', 'A', '_', 'B', 'A');
		high = BYTES8('D', 'V', 'A', 'L', 0, 0, 0, 0);
		break;
	case 0x20:
		low = BYTES8('A', 'U', 'T', 'H', '_', 'E', 'R', 'R');
		high = BYTES8('O', 'R', 0, 0, 0, 0, 0, 0);
		break;
	case 0x81:
		low = BYTES8('U', 'N', 'K', 'N', 'O', 'W', 'N', '_');
		high = BYTES8('C', 'O', 'M', 'M', 'A', 'N', 'D', 0);
		break;
	case 0x82:
		low = BYTES8('E', 'N', 'O', 'M', 'E', 'M', 0, 0);
		break;
	}
	status = number_of_word(memcached_words, low, high);
	return status ? status : STATUS_OTHER;
}

static __always_inline bool take_binary_response(struct reader *r, struct direction *d)
{
	__u32 opcode = d->carry[0] >> 8 & 0xff;
	__u32 status = __builtin_bswap16(d->carry[0] >> 48);
	bool is_extra = false;

	d->kind = opcode;
	d->status = status_of_binary(status);
	d->flags |= MC_BEGUN;
	/* Statistics are a packet each, up to an empty one. */
	if (opcode == MC_STAT && !status && (__u32)d->carry[1])
		d->flags |= MC_CONTINUES;
	if (d->flags & MC_EXTRA)
		return true;
	if ((d->carry[0] & 0xff) != MC_RESPONSE ||
	    !begin_memcached_packet(r->c, opcode, now_of(r), &is_extra))
		return false;
	d->flags |= is_extra ? MC_EXTRA : 0;
	return true;
}

/* A header of the binary protocol is in the carry. False when the protocol breaks off. */
__noinline int memcached_end_header(struct connection *c, struct scratch *scratch)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;

	if (!c || !scratch)
		return true;
	d = direction_of(&r);
	d->left = (__u64)__builtin_bswap32(d->carry[1]) + MC_HEADER - MC_HEAD;
	d->mode = MC_BLOCK;
	return is_of_requests(&r) ? take_binary_request(&r, d) : take_binary_response(&r, d);
}

/* Bytes of a header of the binary protocol. True when there is all that matters of it. */
__noinline int memcached_header(struct connection *c, struct scratch *scratch, __u32 index,
				__u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct direction *d;
	__u32 n, known, more;
	__u8 *bytes;

	if (!c || !scratch)
		return false;
	d = direction_of(&r);
	index &= WINDOW - 1;
	bytes = (__u8 *)d->carry;
	known = d->carry_len & (WORD_LEN - 1);
	more = MC_HEAD - known;
	for (n = 0; n < MC_HEAD; n++) {
		if (n >= available || n >= more)
			break;
		bytes[(known + n) & (WORD_LEN - 1)] = scratch->bytes[index + n];
	}
	consume(&r, n);
	d->carry_len = known + n;
	return known + n >= MC_HEAD;
}
