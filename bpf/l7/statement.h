/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The beginning of a statement, for `ringtap trace` with --l7.statements: in place of a path
 * (path.h), of protocols that have statements. What it shows of it, without literals, userspace
 * decides (src/signals/l7/statement.ts).
 *
 * A request is known by when it began, which is the same for all that begin in one call. So it has
 * a statement where no other request of its call has, or may have, another one.
 */
#pragma once

#include "path.h"
#include "reader.h"

/* Is the statement of this key the one that is kept? 0 is the key of none. */
static __always_inline bool has_statement(const struct connection *c, __u64 key)
{
	return key && c->statement == key;
}

/*
 * Keeps the beginning of a statement that the bytes which are left of the call begin with, as far
 * as it lies in them: at most so many bytes are the statement's, and of PostgreSQL a zero ends it.
 * It goes by this key. Global, so that it is verified once.
 */
__noinline int take_statement(struct connection *c, struct scratch *scratch, __u64 length,
			      __u64 key)
{
	const __u64 ones = 0x0101010101010101ull;
	__u64 mark, word, zeros = 0;
	__u32 bytes, n;

	if (!c || !scratch || !scratch->position)
		return 0;
	mark = c->directions[scratch->direction & 1].word >> 6 & WORD_TIME;
	mark = (c->path_time & WORD_TIME) == mark ? mark | SEVERAL_PATHS : 0;
	*(volatile __u64 *)&c->path_time = 0;
	c->statement = 0;
	__builtin_memset(c->path, 0, sizeof(c->path));
	bytes = scratch->left;
	if (bytes > length)
		bytes = length;
	if (bytes > PATH_LEN)
		bytes = PATH_LEN;
	barrier_var(bytes);
	bytes &= 127;
	if (bpf_probe_read_user(c->path, bytes, (void *)scratch->position))
		return 0;
	for (n = 0; n < PATH_LEN / 8; n++) {
		word = READ_ONCE(c->path[n]);
		word = (word - ones) & ~word & ones * 0x80;
		/* Not those behind what has been read. */
		zeros |= 8 * n + 8 <= bytes ? word : 8 * n < bytes ? lowest(word, bytes & 7) : 0;
	}
	if (c->protocol != PROTOCOL_POSTGRESQL)
		zeros = 0;
	c->path_length = bytes < length && !zeros ? PATH_CUT : PATH_WHOLE;
	c->statement = key;
	*(volatile __u64 *)&c->path_time = mark;
	return 0;
}

/* A request that began at this time is whole. Is its statement the one that is kept? */
static __always_inline void name_statement(struct connection *c, __u64 time, bool is_kept)
{
	__u64 mark = time >> 6 & WORD_TIME, before = c->path_time;

	if ((before & WORD_TIME) != mark)
		*(volatile __u64 *)&c->path_time = mark | (is_kept ? 0 : SEVERAL_PATHS);
	else if (!is_kept)
		*(volatile __u64 *)&c->path_time = mark | SEVERAL_PATHS;
}

/*
 * As name_statement(), of a request that brings its own text, which went by this key, or brings
 * none. No other request has it.
 */
static __always_inline void name_own_statement(struct connection *c, __u64 time, __u64 key)
{
	name_statement(c, time, has_statement(c, key));
	c->statement = 0;
}

/* As copy_path(), of a statement. */
static __always_inline enum l7_path copy_statement(__u64 *to, struct connection *c, __u64 began)
{
	enum l7_path kind = READ_ONCE(c->path_length);
	__u32 n;

	for (n = 0; n < PATH_LEN / 8; n++)
		to[n] = READ_ONCE(c->path[n]);
	barrier();
	return READ_ONCE(c->path_time) != began ? PATH_NONE : kind;
}
