/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Redis: what most of a pipeline is, taken at once: commands that nothing but their reply follows,
 * and replies of one element, that lie in the window, or all but the end of the last string. As
 * many as there are, in one loop; those that are alike wait together, and are counted together.
 * Others are taken in steps (redis.h).
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "../words.h"
#include "redis_state.h"

/* The first eight bytes of a command, but for two numbers of one digit each. */
#define COMMAND BYTES8('*', '0', '\r', '\n', '$', '0', '\r', '\n')
#define COMMAND_DIGITS BYTES8(0, 15, 0, 0, 0, 15, 0, 0)

/* Behind the window lies what was there before: reader.h. */
#define BEHIND(index) ((index) & (2 * WIDE_WINDOW - 1))

/* Most replies that are taken at once. */
#define MOST_REPLIES 64

static __always_inline struct known_command *known_command_of(struct scratch *scratch, __u64 head,
							      __u64 name)
{
	__u64 place = (head >> 8 ^ name ^ name >> 8) & (KNOWN_COMMANDS - 1);

	return &scratch->commands[place];
}

/*
 * Is it, by its first sixteen bytes, a command of a name of up to eight letters, which nothing but
 * a reply follows? It is known then. Global, as others here, so that it is verified once.
 */
__noinline int redis_find_command(struct scratch *scratch, __u64 head, __u64 name)
{
	__u64 digits = head ^ COMMAND, upper;
	__u32 strings = digits >> 8 & 15, bytes = digits >> 40 & 15;
	struct known_command *known;

	if (!scratch || digits & ~COMMAND_DIGITS || strings - 1 > 8 || bytes - 1 > 7)
		return false;
	upper = upper_case(lowest(name, bytes));
	if (trait_of_name(upper, 0, 1) || upper == BYTES8('C', 'L', 'I', 'E', 'N', 'T', 0, 0))
		return false;
	known = known_command_of(scratch, head, name);
	known->head = head;
	known->name = name;
	known->of_name = lowest(~0ull, bytes);
	known->operation = number_of_word(redis_words, upper, 0);
	known->strings = strings;
	known->first = 8 + bytes + 2;
	return true;
}

/* Is it a line `$number` here? It is known then, at this place. */
__noinline int redis_find_string(struct scratch *scratch, __u32 index, __u32 place)
{
	struct reader r = { .scratch = scratch };
	struct known_line *known;
	__u64 word, number;
	__u32 digits;

	if (!scratch)
		return false;
	index = BEHIND(index);
	word = load(&r, index);
	digits = read_number(load(&r, index + 1), &number);
	if ((word & 0xff) != '$' || !digits || scratch->bytes[index + digits + 1] != '\n')
		return false;
	known = &scratch->lines[place & (KNOWN_LINES - 1)];
	known->line = digits + 2;
	known->bytes = digits + 2 + number + 2;
	known->beyond = ~lowest(~0ull, digits + 2);
	/* One that is longer is found anew. */
	known->word = digits + 2 > 8 ? 0 : word | known->beyond;
	return true;
}

/*
 * How many bytes the string of a line `$number` is, its line and its end of line with it; 0 when
 * the line is none or does not end before `available`. Most lines are those that were at the same
 * place before.
 */
static __always_inline __u32 whole_string(struct scratch *scratch, __u32 index, __u32 available,
					  __u32 place)
{
	struct known_line *known = &scratch->lines[place & (KNOWN_LINES - 1)];
	struct reader r = { .scratch = scratch };

	if ((load(&r, BEHIND(index)) | known->beyond) != known->word &&
	    !redis_find_string(scratch, index, place))
		return 0;
	return known->line > available ? 0 : known->bytes;
}

/* Strings of a command that redis_whole_commands() takes itself; of others, as many as may be. */
#define FEW_STRINGS 3
#define MOST_STRINGS 9

/*
 * Where a command ends of which the string of this place begins at `at`; 0 when it does not lie in
 * the window as far as needed.
 */
__noinline int redis_end_of_strings(struct scratch *scratch, __u32 at, __u32 limit, __u32 strings)
{
	__u32 place, bytes;

	if (!scratch)
		return 0;
	for (place = FEW_STRINGS; place < MOST_STRINGS; place++) {
		if (place >= strings)
			break;
		bytes = at >= limit ? 0 : whole_string(scratch, at, limit - at, place);
		if (!bytes)
			return 0;
		at = unbounded(at + bytes, limit);
	}
	return at;
}

/*
 * Steps over commands of one name. Returns how many, and what they are from bit 16 on; 0 when there
 * is none, or none that is all there. All indices are from the window's beginning.
 */
__noinline int redis_whole_commands(struct scratch *scratch, __u32 index, __u32 available)
{
	struct reader r = { .scratch = scratch };
	__u32 n, place, at = index, end, limit, last;
	struct known_command *known;
	__u64 head, name;

	if (!scratch)
		return 0;
	head = load(&r, BEHIND(index));
	name = load(&r, BEHIND(index) + 8);
	known = known_command_of(scratch, head, name);
	if ((head != known->head || (name ^ known->name) & known->of_name) &&
	    !redis_find_command(scratch, head, name))
		return 0;
	limit = index + available;
	last = index + scratch->left;
	for (n = 0; n < LONGEST_RUN; n++) {
		if (at >= limit || load(&r, BEHIND(at)) != known->head ||
		    (load(&r, BEHIND(at) + 8) ^ known->name) & known->of_name)
			break;
		end = at + known->first;
		if (end > limit)
			break;
		for (place = 1; place < FEW_STRINGS; place++) {
			__u32 bytes;

			if (place >= known->strings)
				break;
			bytes = end >= limit ? 0 : whole_string(scratch, end, limit - end, place);
			if (!bytes)
				goto out;
			end = unbounded(end + bytes, last);
		}
		if (known->strings > FEW_STRINGS)
			end = redis_end_of_strings(scratch, end, limit, known->strings);
		if (!end || end > last)
			break;
		at = unbounded(end, last);
	}
out:
	if (at == index)
		return 0;
	consume(&r, at - index);
	return n | known->operation << 16;
}

/* How many bytes a line is, its end with it; more than STRIDE when that is not found. */
__noinline int redis_line(struct scratch *scratch, __u32 index)
{
	struct reader r = { .scratch = scratch };

	return scratch ? find_newline(&r, BEHIND(index)) + 1 : 0;
}

/* How many bytes a reply is; 0 when it is to be taken in steps, or is not all there. */
static __always_inline __u32 whole_reply(struct reader *r, __u32 index, __u32 available)
{
	__u64 word = load(r, BEHIND(index)), five = lowest(word, 5);
	__u32 bytes;

	if (five == BYTES8('$', '-', '1', '\r', '\n', 0, 0, 0) ||
	    five == BYTES8('+', 'O', 'K', '\r', '\n', 0, 0, 0))
		return available < 5 ? 0 : 5;
	switch (word & 0xff) {
	case '$':
		return whole_string(r->scratch, index, available, 0);
	case '+':
	case ':':
		bytes = redis_line(r->scratch, index);
		return bytes > STRIDE || bytes > available ? 0 : bytes;
	default:
		return 0;
	}
}

/* The same of replies, at most so many. */
__noinline int redis_whole_replies(struct scratch *scratch, __u32 index, __u32 available,
				   __u32 most)
{
	struct reader r = { .scratch = scratch };
	__u32 n, at = index, end, limit, last, bytes;

	if (!scratch)
		return 0;
	limit = index + available;
	last = index + scratch->left;
	for (n = 0; n < MOST_REPLIES; n++) {
		if (n >= most || at >= limit)
			break;
		bytes = whole_reply(&r, at, limit - at);
		end = at + bytes;
		if (!bytes || end > last)
			break;
		at = unbounded(end, last);
	}
	consume(&r, at - index);
	return n;
}

/* Counts so many requests that wait, and end well now. */
__noinline int redis_end_whole(struct connection *c, struct scratch *scratch, __u32 replies)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 n;

	if (!c || !scratch)
		return 0;
	for (n = 0; n < MOST_REPLIES; n++) {
		__u64 word;

		if (!replies)
			break;
		word = pop_requests(c, records_successes(c) ? 1 : replies);
		replies -= requests_of(c, word);
		add_alike(c, scratch, word, STATUS_OK, now_of(&r));
	}
	return 0;
}

/* Is this the beginning of a message that may be taken at once? */
static __always_inline bool may_be_whole(struct reader *r, struct direction *d)
{
	struct redis_state *state = redis_state(r->c);

	if (d->mode != REDIS_FIRST || d->elements)
		return false;
	return is_of_requests(r) ? state->silence == SILENCE_NONE :
				   !state->has_trait && waiting_requests(r->c) > 0;
}

/* Takes messages at once. False when there is none for which that can be done. */
static __noinline bool take_whole_at(struct reader *r, __u32 index, __u32 available)
{
	__u32 found;

	if (is_of_requests(r)) {
		found = redis_whole_commands(r->scratch, index, available);
		if (found)
			add_requests(r->c, request_word(now_of(r), found >> 16, REDIS_PLAIN),
				     found & 0xffff);
	} else {
		found = redis_whole_replies(r->scratch, index, available, waiting_requests(r->c));
		if (found)
			redis_end_whole(r->c, r->scratch, found);
	}
	return found;
}

static __always_inline int make_redis_available(struct reader *r, __u32 wanted, __u32 *available)
{
	return make_available_in(r, wanted, available, WIDE_WINDOW);
}

/* The same, with the window moved for a message that its end cuts. */
static __always_inline bool take_whole(struct reader *r, __u32 index, __u32 available)
{
	if (take_whole_at(r, index, available))
		return true;
	if (!index || available >= r->scratch->left ||
	    make_redis_available(r, WIDE_WINDOW - 1, &available))
		return false;
	return take_whole_at(r, 0, available);
}

/* Takes those that a call begins with. */
static __always_inline void begin_whole(struct reader *r, struct direction *d)
{
	__u32 available = 0;

	if (r->scratch->position && may_be_whole(r, d) &&
	    !make_redis_available(r, 2 * BEGINNING, &available))
		take_whole_at(r, 0, available);
}
