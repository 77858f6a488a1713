/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What a statement of SQL does, by its first word behind comments. */
#pragma once

#include "../reader.h"
#include "../words.h"

/* The first words of statements, and of what PostgreSQL says of them: src/signals/l7/sql.ts. */
const volatile struct word sql_words[WORDS];

/* Statements that are prepared whose operation is known, of all connections; preallocated. */
#define STATEMENTS_MAX 8192

struct statement_key {
	__u64 connection;
	__u64 name; /* a hash of it, or a number */
};

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, STATEMENTS_MAX);
	__type(key, struct statement_key);
	__type(value, __u64); /* its operation */
} statements SEC(".maps");

/*
 * Where in a statement: in the low byte of a direction's `status`; the high one is the byte
 * before.
 */
enum sql_place {
	SQL_BEFORE,  /* its first word */
	SQL_COMMENT, /* the byte before is 0 at its beginning */
	SQL_COMMENT_LINE,
	SQL_WORD, /* in it, or behind it */
};

static __always_inline void begin_sql(struct direction *d)
{
	d->status = SQL_BEFORE;
	d->carry[0] = 0;
	d->carry[1] = 0;
	d->carry_len = 0;
}

/* Is it part of a keyword? */
static __always_inline bool is_letter(__u32 byte)
{
	return (byte | 0x20) - 'a' < 26 || byte == '_';
}

/*
 * Takes a byte of a statement. True when its first word is known. `executes`: what stands in
 * comments that begin with an exclamation mark is part of the statement, as MySQL and MariaDB have
 * it.
 */
static __always_inline bool take_sql(struct direction *d, __u32 byte, bool executes)
{
	__u32 status = READ_ONCE(d->status), place = status & 0xff, last = status >> 8;

	switch (place) {
	case SQL_COMMENT:
		if (last == '*' && byte == '/') {
			place = SQL_BEFORE;
			byte = ' ';
		} else if (executes && !last && byte == '!') {
			place = SQL_BEFORE;
		} else if (executes && !last && byte == 'M') {
			byte = 0;
		}
		break;
	case SQL_COMMENT_LINE:
		if (byte == '\n')
			place = SQL_BEFORE;
		break;
	case SQL_BEFORE:
		if (is_letter(byte)) {
			place = SQL_WORD;
			add_to_word(d, byte);
		} else if (byte == '#' || (byte == '-' && last == '-')) {
			place = SQL_COMMENT_LINE;
		} else if (byte == '*' && last == '/') {
			place = SQL_COMMENT;
			byte = 0;
		}
		break;
	default:
		if (!is_letter(byte))
			return true;
		add_to_word(d, byte);
	}
	*(volatile __u16 *)&d->status = place | byte << 8;
	return false;
}

/* The number of the word in the carry. */
static __always_inline __u32 sql_operation(struct direction *d)
{
	return number_of_word(sql_words, upper_case(d->carry[0]), upper_case(d->carry[1]));
}
