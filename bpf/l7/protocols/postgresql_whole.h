/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * PostgreSQL: messages that are all there, of which nothing matters but their type, or a first word
 * that lies in the window, taken in one loop. Others are taken in steps (postgresql.h).
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "postgresql_state.h"
#include "sql.h"

/* Most messages that are taken at once. */
#define MOST_PG_MESSAGES 32

/* What has become of messages. */
enum pg_taken {
	PG_TAKEN_NONE,
	PG_TAKEN,
	PG_TAKEN_BUT_END, /* all, but what follows from the last one */
};

int postgresql_end_message(struct connection *c, struct scratch *scratch); /* postgresql.h */

/* Where a first word is kept, of a statement or, `is_tag`, of what the server says that it did. */
static __always_inline struct known_word *known_word_of(struct scratch *scratch, __u64 word,
							bool is_tag)
{
	__u64 place = (word ^ word >> 8) & (KNOWN_WORDS - 1);

	return &scratch->words[place + (is_tag ? KNOWN_WORDS : 0)];
}

/*
 * Keeps what a first word is, if it ends within eight bytes. False when it does not.
 */
__noinline int postgresql_find_word(struct scratch *scratch, __u64 word, bool is_tag)
{
	struct known_word *known;
	__u32 n, byte = 0;

	if (!scratch)
		return false;
	for (n = 0; n < 8; n++) {
		byte = word >> (8 * n) & 0xff;
		if (is_tag ? !byte || byte == ' ' : !is_letter(byte))
			break;
	}
	if (!n || n == 8)
		return false;
	known = known_word_of(scratch, word, is_tag);
	known->beyond = ~lowest(~0ull, n + 1);
	known->word = word | known->beyond;
	known->bytes = n + 1;
	known->operation = number_of_word(sql_words, upper_case(lowest(word, n)), 0);
	return true;
}

/* The word that begins at `at`, before `end`; NULL when it is not all there. */
static __always_inline struct known_word *whole_word(struct reader *r, __u32 at, __u32 end,
						     bool is_tag)
{
	__u64 word = load(r, at & (2 * WINDOW - 1));
	struct known_word *known = known_word_of(r->scratch, word, is_tag);

	if ((word | known->beyond) != known->word &&
	    !postgresql_find_word(r->scratch, word, is_tag))
		return NULL;
	return known->bytes && at + known->bytes <= end ? known : NULL;
}

/*
 * How many bytes a message is, of which the header is in the window; 0 when it is not all there, or
 * is none.
 */
static __always_inline __u32 whole_message(struct reader *r, __u32 at, __u32 limit, __u32 last)
{
	__u64 word = load(r, at & (2 * WINDOW - 1));
	__u32 length = pg_number(word, 1);

	return at + PG_HEADER > limit || length < 4 || length > last - at - 1 ||
			       !is_pg_type(r, word & 0xff) ?
		       0 :
		       1 + length;
}

/* Takes a client's message, but for what follows from it. False when it is to be taken in steps. */
__noinline int postgresql_whole_request(struct connection *c, struct scratch *scratch, __u32 index,
					__u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 limit = index + available, bytes;
	struct known_word *known;
	struct direction *d;
	__u64 body;

	if (!c || !scratch)
		return false;
	d = direction_of(&r);
	bytes = whole_message(&r, index, limit, index + scratch->left);
	if (!bytes)
		return false;
	if (index + bytes < limit)
		limit = index + bytes;
	d->kind = scratch->bytes[index & (WINDOW - 1)];
	body = load(&r, (index & (WINDOW - 1)) + PG_HEADER);
	switch (d->kind) {
	case 'Q':
	case 'P':
		/* Of statements, those without a name. */
		if (statements_wanted || (d->kind == 'P' && body & 0xff))
			return false;
		known = whole_word(&r, index + PG_HEADER + (d->kind == 'P'), limit, false);
		if (!known)
			return false;
		d->operation = known->operation;
		break;
	case 'B':
		if (statements_wanted || body & 0xffff || index + PG_HEADER + 2 > limit)
			return false;
		pg_state(c)->bound = pg_state(c)->unnamed;
		break;
	}
	d->word = now_of(&r);
	consume(&r, bytes);
	return true;
}

/*
 * Takes messages of a server, up to one that something follows from, but for that. Returns an enum
 * pg_taken.
 */
__noinline int postgresql_whole_responses(struct connection *c, struct scratch *scratch,
					  __u32 index, __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 n, at = index, limit, last, bytes, kind;
	struct known_word *known;
	struct direction *d;

	if (!c || !scratch)
		return PG_TAKEN_NONE;
	d = direction_of(&r);
	limit = index + available;
	last = index + scratch->left;
	for (n = 0; n < MOST_PG_MESSAGES; n++) {
		bytes = whole_message(&r, at, limit, last);
		if (!bytes)
			break;
		kind = scratch->bytes[at & (WINDOW - 1)];
		if (kind == 'T' || kind == 'D')
			d->flags = HAS_ROWS;
		else if (kind != '1' && kind != '2')
			break;
		at = unbounded(at + bytes, last);
	}
	consume(&r, at - index);
	bytes = whole_message(&r, at, limit, last);
	if (!bytes)
		return at == index ? PG_TAKEN_NONE : PG_TAKEN;
	kind = scratch->bytes[at & (WINDOW - 1)];
	if (kind == 'C') {
		known = whole_word(&r, at + PG_HEADER, at + bytes < limit ? at + bytes : limit,
				   true);
		if (!known)
			return at == index ? PG_TAKEN_NONE : PG_TAKEN;
		d->operation = known->operation;
	} else if (kind == 'E') {
		return at == index ? PG_TAKEN_NONE : PG_TAKEN;
	}
	d->kind = kind;
	consume(&r, bytes);
	return PG_TAKEN_BUT_END;
}

/* Is the next byte the first one of a message? */
static __always_inline bool begins_pg_message(struct reader *r, struct direction *d)
{
	return d->mode == PG_FIRST && !d->carry_len &&
	       (is_of_requests(r) || !pg_state(r->c)->is_asked);
}

/* Takes messages at once. False when there is none for which that can be done. */
static __always_inline bool take_whole_pg(struct reader *r, __u32 index, __u32 available)
{
	__u32 taken;

	if (is_of_requests(r))
		taken = postgresql_whole_request(r->c, r->scratch, index, available) ?
				PG_TAKEN_BUT_END :
				PG_TAKEN_NONE;
	else
		taken = postgresql_whole_responses(r->c, r->scratch, index, available);
	if (taken == PG_TAKEN_BUT_END && !postgresql_end_message(r->c, r->scratch))
		desynchronize(r->c, REASON_MAP_FULL);
	return taken != PG_TAKEN_NONE;
}
