/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Redis: what most of a pipeline is, taken at once: commands that nothing but their reply follows,
 * and replies of one element, that lie in the window, or all but the end of the last string. Others
 * are taken in steps (redis.h).
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
#define BEHIND(index) ((index) & (2 * WINDOW - 1))

/*
 * The operation of a command's name, of up to eight letters, which nothing but a reply follows.
 * False when something else may. The one that was met last is known.
 */
static __always_inline bool find_plain_operation(struct scratch *scratch, __u64 name)
{
	if (name == scratch->last_name)
		return true;
	if (trait_of_name(name, 0, 1) || name == BYTES8('C', 'L', 'I', 'E', 'N', 'T', 0, 0))
		return false;
	scratch->last_operation = number_of_word(redis_words, name, 0);
	scratch->last_name = name;
	return true;
}

/*
 * How many bytes the string of a line `$number` is, its line and its end of line with it; 0 when
 * the line is none or does not end before `available`.
 */
static __always_inline __u32 whole_string(struct reader *r, __u32 at, __u32 available)
{
	__u64 number;
	__u32 digits = read_number(load(r, at + 1), &number);

	if (r->scratch->bytes[at] != '$' || !digits || digits + 2 > available ||
	    r->scratch->bytes[at + digits + 1] != '\n')
		return 0;
	return digits + 2 + number + 2;
}

/* Takes a command at once. False when it is to be taken in steps, or is not all there. */
__noinline int redis_whole_command(struct connection *c, struct scratch *scratch, __u32 index,
				   __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 strings, end, n, bytes;
	__u64 word;

	if (!c || !scratch)
		return false;
	word = load(&r, BEHIND(index)) ^ COMMAND;
	strings = word >> 8 & 15;
	bytes = word >> 40 & 15;
	end = 8 + bytes + 2;
	if (word & ~COMMAND_DIGITS || strings - 1 > 8 || bytes - 1 > 7 || end > available ||
	    !find_plain_operation(scratch, upper_case(lowest(load(&r, BEHIND(index) + 8), bytes))))
		return false;
	for (n = 1; n < 9; n++) {
		if (n >= strings)
			break;
		if (end >= available)
			return false;
		bytes = whole_string(&r, BEHIND(index + end), available - end);
		if (!bytes)
			return false;
		end += bytes;
	}
	if (end > scratch->left)
		return false;
	word = request_word(now_of(&r), scratch->last_operation, REDIS_PLAIN);
	consume(&r, end);
	add_request(c, word);
	return true;
}

/* The same of a reply that answers a request that waits. */
__noinline int redis_whole_reply(struct connection *c, struct scratch *scratch, __u32 index,
				 __u32 available)
{
	struct reader r = { .c = c, .scratch = scratch };
	__u32 bytes;
	__u64 word;

	if (!c || !scratch)
		return false;
	index = BEHIND(index);
	word = load(&r, index);
	switch (word & 0xff) {
	case '$':
		bytes = lowest(word, 5) == BYTES8('$', '-', '1', '\r', '\n', 0, 0, 0) ?
				5 :
				whole_string(&r, index, available);
		if (!bytes || bytes > scratch->left)
			return false;
		break;
	case '+':
	case ':':
		bytes = find_newline(&r, index) + 1;
		if (bytes > STRIDE || bytes > available)
			return false;
		break;
	default:
		return false;
	}
	consume(&r, bytes);
	add_alike(c, scratch, pop_request(c), STATUS_OK, now_of(&r));
	return true;
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

static __always_inline bool take_whole_at(struct reader *r, __u32 index, __u32 available)
{
	return is_of_requests(r) ? redis_whole_command(r->c, r->scratch, index, available) :
				   redis_whole_reply(r->c, r->scratch, index, available);
}

/* Takes a message at once, if that can be done: moves the window for one that its end cuts. */
static __noinline bool take_whole(struct reader *r, __u32 index, __u32 available)
{
	if (take_whole_at(r, index, available))
		return true;
	if (!index || available >= r->scratch->left || make_available(r, WINDOW - 1, &available))
		return false;
	return take_whole_at(r, 0, available);
}
