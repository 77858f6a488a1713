/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whether a connection is MySQL's, and where one that is joined late has its first request. */
#pragma once

#include "../reader.h"
#include "mysql_state.h"
#include "sql.h"

/*
 * Does a server greet its client so: packet 0 with the protocol's version 10 and its own in digits;
 * or with an error?
 */
__noinline int mysql_begins(__u64 word, __u32 known)
{
	__u32 length = word & MY_LENGTH_MAX, first = word >> 32 & 0xff, version = word >> 40 & 0xff;

	if (known < MY_HEADER)
		return known < 2 || length < 1 << 9 ? MAY_BEGIN : BEGINS_NOT;
	if (word >> 24 & 0xff || length < 8 || length >= 1 << 9)
		return BEGINS_NOT;
	if (known < 8)
		return known == MY_HEADER || first == 10 || first == 0xff ? MAY_BEGIN : BEGINS_NOT;
	if (first == 10)
		return version - '0' < 10 ? BEGINS_RESPONSE : BEGINS_NOT;
	version = word >> 40 & 0xffff;
	return first == 0xff && version >= MY_FIRST_ERROR && version < 2000 ? BEGINS_RESPONSE :
									      BEGINS_NOT;
}

/*
 * Is it a response? An OK by its length, an error by what is behind its errno, columns by the first
 * packet that follows: a definition, or where these are left out, a row or the end of them.
 */
static __always_inline bool is_my_response(const __u8 *bytes, __u32 known)
{
	__u32 header = *(const __u32 *)bytes, length = header & MY_LENGTH_MAX, second;

	if (header >> 24 != 1 || known < 7 + MY_HEADER)
		return false;
	if (!bytes[MY_HEADER])
		return length >= 7 && known == length + MY_HEADER;
	if (bytes[MY_HEADER] == 0xff)
		return bytes[MY_HEADER + 3] == '#';
	if (!length || length > 2 || known < 16)
		return false;
	second = MY_HEADER + length;
	if (bytes[second + 3] != 2)
		return false;
	if (length == 2 && !bytes[MY_HEADER + 1])
		return !bytes[second + MY_HEADER] || bytes[second + MY_HEADER] == 0xfe;
	return *(const __u32 *)&bytes[second + MY_HEADER] == MY_DEF;
}

/*
 * Does a call begin with a statement or the execution of one? Commands have packet 0, and responses
 * never begin so. Servers receive a packet's header in a call of its own, which by itself says too
 * little.
 */
__noinline int mysql_resumes(struct scratch *scratch, __u32 known)
{
	const __u8 *bytes;
	bool is_request = false;
	__u32 header, first;

	if (!scratch)
		return BEGINS_NOT;
	bytes = scratch->bytes;
	header = *(const __u32 *)bytes;
	first = bytes[MY_HEADER + 1];
	if (known == MY_HEADER && header && header < MY_LENGTH_MAX)
		return MAY_BEGIN;
	if (known > MY_HEADER && is_my_response(bytes, known))
		return BEGINS_RESPONSE;
	/*
	 * A whole command, as far as the call's beginning tells; its number is in the highest
	 * byte.
	 */
	if (known <= MY_HEADER || !header || header >= MY_LENGTH_MAX ||
	    (known < OPENING ? header + MY_HEADER != known : header + MY_HEADER < known))
		return BEGINS_NOT;
	switch (bytes[MY_HEADER]) {
	case MY_QUERY:
	case MY_STMT_PREPARE:
		is_request = header > 1 &&
			     (is_letter(first) || first == ' ' || first == '(' || first == '/' ||
			      first == '-' || first == '\n' || !first);
		break;
	case MY_STMT_EXECUTE:
		/* Of one iteration. */
		is_request = header >= 10 && *(const __u32 *)&bytes[MY_HEADER + 6] == 1;
		break;
	case MY_PING:
		is_request = header == 1;
		break;
	}
	return is_request ? BEGINS_REQUEST : BEGINS_NOT;
}
