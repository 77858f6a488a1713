/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The header of the PROXY protocol (HAProxy, doc/proxy-protocol.txt), by which a proxy says whose
 * connection it hands on. It is the first that the connection carries, before TLS too:
 *
 *   version 1  a line, at most MOST_LINE bytes with its end: "PROXY TCP4 192.0.2.1 …\r\n"
 *   version 2  a signature of 12 bytes; version and command; family; the length, 16 bits, of
 *              addresses and TLVs, which follow
 */
#pragma once

#include "bytes.h"
#include "finish.h"
#include "reader.h"

/* The first eight bytes of either, and of version 2 the next four, its version behind them. */
#define PROXY_LINE BYTES8('P', 'R', 'O', 'X', 'Y', ' ', 'T', 'C')	  /* TCP4, TCP6 */
#define PROXY_LINE_UNKNOWN BYTES8('P', 'R', 'O', 'X', 'Y', ' ', 'U', 'N') /* UNKNOWN */
#define PROXY_BINARY BYTES8('\r', '\n', '\r', '\n', 0, '\r', '\n', 'Q')
#define PROXY_BINARY_END BYTES8('U', 'I', 'T', '\n', 0x20, 0, 0, 0)

#define MOST_LINE 107

/* Of version 2, up to the addresses. */
#define BINARY_LEN 16

/* Is this the header's beginning? */
static __always_inline enum beginning proxy_begins(__u64 word, __u32 known)
{
	if (lowest(word, known) != lowest(PROXY_LINE, known) &&
	    lowest(word, known) != lowest(PROXY_LINE_UNKNOWN, known) &&
	    lowest(word, known) != lowest(PROXY_BINARY, known))
		return BEGINS_NOT;
	return known < 8 ? MAY_BEGIN : BEGINS_REQUEST;
}

/* Steps over bytes of the piece of a call's memory, as of those that have been taken. */
static __always_inline void pass(struct call_memory *memory, __u64 bytes)
{
	memory->piece += bytes;
	memory->length -= bytes;
}

/* What follows the header tells the protocol. */
static __always_inline void end_proxy_header(struct connection *c, struct direction *d)
{
	d->carry[0] = 0;
	d->carry[1] = 0;
	d->carry_len = 0;
	d->word = 0;
	d->mode = MODE_DETECT;
	c->is_proxied = true;
}

static __always_inline void take_proxy_line(struct connection *c, struct direction *d,
					    struct scratch *scratch)
{
	struct call_memory *memory = &scratch->memory;
	__u32 wanted = MOST_LINE - d->carry_len, n;

	if (wanted > memory->length)
		wanted = memory->length;
	/* For the verifier, which would follow each value. */
	barrier_var(wanted);
	if (bpf_probe_read_user(scratch->bytes, wanted & 127, (void *)memory->piece)) {
		desynchronize(c, REASON_UNREADABLE);
		return;
	}
	for (n = 0; n < MOST_LINE; n++) {
		if (n >= wanted)
			break;
		if (scratch->bytes[n] != '\n')
			continue;
		pass(memory, n + 1);
		end_proxy_header(c, d);
		return;
	}
	pass(memory, wanted);
	d->carry_len += wanted;
	/* It is no such header, nor another protocol's beginning. */
	if (d->carry_len >= MOST_LINE)
		set_modes(c, MODE_OPAQUE);
}

static __always_inline void take_proxy_binary(struct connection *c, struct direction *d,
					      struct scratch *scratch)
{
	struct call_memory *memory = &scratch->memory;
	__u32 more = BINARY_LEN - d->carry_len;
	__u64 bytes, words[2] = {}; /* room for all that the mask lets pass */

	if (more) {
		if (more > memory->length)
			more = memory->length;
		barrier_var(more);
		if (bpf_probe_read_user(words, more & 15, (void *)memory->piece)) {
			desynchronize(c, REASON_UNREADABLE);
			return;
		}
		d->carry[1] |= words[0] << (8 * (d->carry_len & 7));
		d->carry_len += more;
		pass(memory, more);
		if (d->carry_len < BINARY_LEN)
			return;
		if (lowest(d->carry[1] & ~0xf00000000ull, 5) != PROXY_BINARY_END) {
			set_modes(c, MODE_OPAQUE);
			return;
		}
		d->left = (d->carry[1] >> 48 & 0xff) << 8 | d->carry[1] >> 56;
	}
	bytes = d->left < memory->length ? d->left : memory->length;
	d->left -= bytes;
	pass(memory, bytes);
	if (!d->left)
		end_proxy_header(c, d);
}

/*
 * Takes what the piece of a call's memory, which the scratch has, has of the header; what lies
 * behind it is left there. Global, so that it is verified once.
 */
__noinline int take_proxy_header(struct connection *c, struct scratch *scratch, __u32 direction)
{
	struct call_memory *memory;
	struct direction *d;

	if (!c || !scratch)
		return 0;
	memory = &scratch->memory;
	d = &c->directions[direction & 1];
	if (!memory->piece) {
		desynchronize(c, REASON_UNREADABLE);
		return 0;
	}
	/* The rest of those that the detection has read. */
	if (d->carry_len < 8) {
		pass(memory, 8 - d->carry_len);
		d->carry_len = 8;
	}
	if (d->carry[0] == PROXY_BINARY)
		take_proxy_binary(c, d, scratch);
	else
		take_proxy_line(c, d, scratch);
	return 0;
}
