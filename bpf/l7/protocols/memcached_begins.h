/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * memcached: what a connection, and a call, begins with. A text command looks like one of other
 * protocols, such as a line of Redis's: the first reply tells (break_memcached()).
 */
#pragma once

#include "../reader.h"
#include "memcached_state.h"

/* The first bytes of commands, which have no capital letters. */
static __always_inline enum beginning begins_with_command(__u64 word, __u32 known)
{
	enum beginning found = BEGINS_NOT;

#define COMMAND_IS(length, ...)                                               \
	if (lowest(word, known < (length) ? known : (length)) ==              \
	    lowest(BYTES8(__VA_ARGS__), known < (length) ? known : (length))) \
	found = known >= (length) ? BEGINS_REQUEST : found ? found : MAY_BEGIN
	COMMAND_IS(4, 'g', 'e', 't', ' ', 0, 0, 0, 0);
	COMMAND_IS(5, 'g', 'e', 't', 's', ' ', 0, 0, 0);
	COMMAND_IS(4, 'g', 'a', 't', ' ', 0, 0, 0, 0);
	COMMAND_IS(5, 'g', 'a', 't', 's', ' ', 0, 0, 0);
	COMMAND_IS(4, 's', 'e', 't', ' ', 0, 0, 0, 0);
	COMMAND_IS(4, 'a', 'd', 'd', ' ', 0, 0, 0, 0);
	COMMAND_IS(8, 'r', 'e', 'p', 'l', 'a', 'c', 'e', ' ');
	COMMAND_IS(7, 'a', 'p', 'p', 'e', 'n', 'd', ' ', 0);
	COMMAND_IS(8, 'p', 'r', 'e', 'p', 'e', 'n', 'd', ' ');
	COMMAND_IS(4, 'c', 'a', 's', ' ', 0, 0, 0, 0);
	COMMAND_IS(5, 'i', 'n', 'c', 'r', ' ', 0, 0, 0);
	COMMAND_IS(5, 'd', 'e', 'c', 'r', ' ', 0, 0, 0);
	COMMAND_IS(7, 'd', 'e', 'l', 'e', 't', 'e', ' ', 0);
	COMMAND_IS(6, 't', 'o', 'u', 'c', 'h', ' ', 0, 0);
	COMMAND_IS(6, 's', 't', 'a', 't', 's', ' ', 0, 0);
	COMMAND_IS(6, 's', 't', 'a', 't', 's', '\r', 0, 0);
	COMMAND_IS(6, 's', 't', 'a', 't', 's', '\n', 0, 0);
	COMMAND_IS(8, 'v', 'e', 'r', 's', 'i', 'o', 'n', '\r');
	COMMAND_IS(8, 'v', 'e', 'r', 's', 'i', 'o', 'n', '\n');
	COMMAND_IS(8, 'f', 'l', 'u', 's', 'h', '_', 'a', 'l');
	COMMAND_IS(8, 'v', 'e', 'r', 'b', 'o', 's', 'i', 't');
	COMMAND_IS(6, 'w', 'a', 't', 'c', 'h', ' ', 0, 0);
	COMMAND_IS(3, 'm', 'g', ' ', 0, 0, 0, 0, 0);
	COMMAND_IS(3, 'm', 's', ' ', 0, 0, 0, 0, 0);
	COMMAND_IS(3, 'm', 'd', ' ', 0, 0, 0, 0, 0);
	COMMAND_IS(3, 'm', 'a', ' ', 0, 0, 0, 0, 0);
	COMMAND_IS(3, 'm', 'e', ' ', 0, 0, 0, 0, 0);
	COMMAND_IS(3, 'm', 'n', '\r', 0, 0, 0, 0, 0);
	COMMAND_IS(3, 'm', 'n', '\n', 0, 0, 0, 0, 0);
#undef COMMAND_IS
	return found;
}

/* How many bytes of a command of the binary protocol lie before its key; 255 of an unknown one. */
static __always_inline __u32 extras_of(__u32 opcode)
{
	switch (opcode) {
	case 0x01: /* set, add, replace, and their quiet ones */
	case 0x02:
	case 0x03:
	case 0x11:
	case 0x12:
	case 0x13:
		return 8;
	case 0x05: /* increment, decrement */
	case 0x06:
	case 0x15:
	case 0x16:
		return 20;
	case 0x1b: /* verbosity, touch, get and touch */
	case 0x1c:
	case 0x1d:
	case 0x1e:
	case 0x23:
	case 0x24:
		return 4;
	case 0x00:
	case 0x04:
	case 0x07:
	case 0x08:
	case 0x09:
	case 0x0a:
	case 0x0b:
	case 0x0c:
	case 0x0d:
	case 0x0e:
	case 0x0f:
	case 0x10:
	case 0x14:
	case 0x17:
	case 0x18:
	case 0x19:
	case 0x1a:
	case 0x20: /* SASL */
	case 0x21:
	case 0x22:
		return 0;
	default:
		return 255;
	}
}

/* The first eight bytes of a request's header: magic, opcode, key, extras, type, and two zeros. */
static __always_inline enum beginning begins_with_header(__u64 word, __u32 known)
{
	__u32 opcode = word >> 8 & 0xff, key = __builtin_bswap16(word >> 16);
	__u32 extras = word >> 32 & 0xff, wanted = extras_of(opcode);

	if (known < 1)
		return MAY_BEGIN;
	if ((word & 0xff) != MC_REQUEST || (known >= 2 && wanted == 255) ||
	    (known >= 4 && key > MC_KEY_MAX) ||
	    /* A flush may have a time. */
	    (known >= 5 && extras != wanted && ((opcode & 0xef) != 0x08 || extras != 4)) ||
	    (known >= 6 && word >> 40))
		return BEGINS_NOT;
	return known >= 8 ? BEGINS_REQUEST : MAY_BEGIN;
}

/* Does a connection begin so? */
__noinline int memcached_begins(__u64 word, __u32 known)
{
	return (word & 0xff) == MC_REQUEST ? begins_with_header(word, known) :
					     begins_with_command(word, known);
}

/* Does a command begin with these first bytes of a call? */
__noinline int memcached_resumes(struct connection *c, struct scratch *scratch, __u32 known)
{
	const __u8 *bytes;
	__u32 n, body;
	__u64 word;

	if (!c || !scratch || known < 4 || known > OPENING)
		return BEGINS_NOT;
	bytes = scratch->bytes;
	word = lowest(*(const __u64 *)bytes, known);
	if (memcached_begins(word, known < 8 ? known : 8) != BEGINS_REQUEST)
		return BEGINS_NOT;
	if ((word & 0xff) == MC_REQUEST) {
		body = __builtin_bswap32(*(const __u32 *)&bytes[8]);
		if (known < MC_HEADER || body >= 1u << 30 ||
		    body < (__u32)__builtin_bswap16(word >> 16) + (__u32)(word >> 32 & 0xff))
			return BEGINS_NOT;
	} else {
		/* Keys may have other control characters. */
		for (n = 0; n < OPENING; n++) {
			if (n >= known || bytes[n] == '\r' || bytes[n] == '\n')
				break;
			if (!bytes[n])
				return BEGINS_NOT;
		}
	}
	if (c->protocol == PROTOCOL_UNKNOWN && !c->session_tgid)
		*memcached_state(c) =
			(struct memcached_state){ .is_late = 1, .doubts = MC_LATE_DOUBTS };
	return BEGINS_REQUEST;
}
