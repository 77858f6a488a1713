/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * memcached: which command a reply answers. Replies come in the order of their commands; a quiet
 * command has none where that would be the common one, which a reply to a later command tells.
 */
#pragma once

#include "../finish.h"
#include "memcached_state.h"

/*
 * A reply for which the quiet commands before the one that it answers are passed over. Of few
 * bytes: the frame that it lies in is part of the longest chains of calls.
 */
struct memcached_passing {
	struct connection *c;
	__u64 now;
	__u16 reply; /* an enum memcached_reply; of the binary protocol, the operation */
	bool is_binary;
	bool is_quiet; /* of the binary protocol: the command was */
};

/* In place of a reply: that of no quiet command. */
#define NO_REPLY 0xffff

/* Is the next command, a quiet one, the one that is answered? */
static __always_inline bool is_quiet_answered(const struct memcached_passing *passing, __u64 word)
{
	if (passing->is_binary)
		return passing->is_quiet && operation_of(word) == passing->reply;
	return passing->reply != NO_REPLY && is_reply_to(trait_of(word), passing->reply);
}

static long pass_quiet(__u32 index, struct memcached_passing *passing)
{
	__u64 word = next_request(passing->c);

	if (!is_quiet(passing->c, word) || is_quiet_answered(passing, word))
		return 1;
	finish_word(passing->c, pop_request(passing->c), STATUS_OK, ERROR_NONE, passing->now);
	return 0;
}

enum memcached_taker {
	TAKER_QUIET,
	TAKER_LOUD,
	TAKER_NONE,
};

/*
 * Who takes a reply: one of the quiet commands that come first, or the first one behind them that
 * has a reply in any case. Where both may have it, which one has is known only if the latter is
 * `mn`, whose only reply is its own. Else the latter takes it, and as many replies as the quiet
 * ones may have had then answer nothing.
 */
__noinline int taker_of_reply(struct connection *c, __u32 reply)
{
	__u32 n, trait = 0, quiet = 0;
	__s32 waiting;
	__u64 word;

	if (!c)
		return TAKER_QUIET;
	waiting = waiting_requests(c);
	for (n = 0; n < SLOTS_IN_CONNECTION; n++) {
		if ((__s32)n >= waiting)
			return quiet ? TAKER_QUIET : TAKER_NONE;
		word = waiting_request(c, n);
		trait = trait_of(word);
		if (!is_quiet(c, word))
			break;
		quiet += is_reply_to(trait, reply);
	}
	/* There are more of them than slots. */
	if (n == SLOTS_IN_CONNECTION)
		return TAKER_QUIET;
	if (!is_reply_to(trait, reply))
		return quiet ? TAKER_QUIET : TAKER_NONE;
	if (trait == MC_MN && quiet)
		return TAKER_QUIET;
	if (memcached_state(c)->doubts < 128)
		memcached_state(c)->doubts += quiet;
	return TAKER_LOUD;
}

/* The bytes are not what the protocol says. */
__noinline int break_memcached(struct connection *c)
{
	if (!c)
		return 0;
	if (c->is_verified)
		desynchronize(c, REASON_MALFORMED);
	else
		reject_protocol(c, memcached_state(c)->is_late);
	return 0;
}

/*
 * A line of a reply begins with this word. False when no command that waits has such a reply; and
 * `is_extra` when it is one too much.
 */
static __always_inline bool begin_memcached_reply(struct connection *c, __u32 reply, __u64 now,
						  bool *is_extra)
{
	struct memcached_passing passing = { .c = c, .now = now, .reply = reply };
	struct memcached_state *state = memcached_state(c);
	__u64 word = next_request(c);
	__u32 taker;

	if (reply == REPLY_MN)
		state->doubts = 0;
	taker = is_quiet(c, word)			   ? taker_of_reply(c, reply) :
		word && is_reply_to(trait_of(word), reply) ? TAKER_LOUD :
							     TAKER_NONE;
	if (taker == TAKER_NONE && state->doubts && reply != REPLY_OTHER) {
		*is_extra = true;
		state->doubts--;
		return true;
	}
	if (is_quiet(c, word)) {
		if (taker != TAKER_QUIET)
			passing.reply = NO_REPLY;
		bpf_loop(MOST_WAITING, pass_quiet, &passing, 0);
		word = next_request(c);
	}
	/* Of a command that has not been seen yet, or could not be kept, nothing is known. */
	if (is_request(word) && (state->is_binary || !is_reply_to(trait_of(word), reply)))
		return false;
	c->is_verified = 1;
	return true;
}

/* The same of a packet of the binary protocol, with this operation. */
static __always_inline bool begin_memcached_packet(struct connection *c, __u32 opcode, __u64 now,
						   bool *is_extra)
{
	struct memcached_passing passing = { .c = c, .now = now, .is_binary = true };
	__u64 word;

	passing.reply = memcached_opcodes[opcode & 0xff];
	passing.is_quiet = is_quiet_opcode(opcode);
	word = next_request(c);
	if (is_quiet(c, word)) {
		bpf_loop(MOST_WAITING, pass_quiet, &passing, 0);
		word = next_request(c);
	}
	if (!passing.is_quiet && !is_quiet(c, word) &&
	    (is_request(word) ? operation_of(word) != passing.reply : !word) &&
	    memcached_state(c)->doubts) {
		memcached_state(c)->doubts--;
		*is_extra = true;
		return true;
	}
	if (is_request(word) && !(trait_of(word) & TRAIT_QUIET) && !passing.is_quiet &&
	    (!memcached_state(c)->is_binary || operation_of(word) != passing.reply))
		return false;
	c->is_verified = 1;
	return true;
}

/* A reply is whole: it answers the next command, before which no quiet one waits any more. */
static __always_inline void end_memcached_reply(struct connection *c, __u32 status, __u64 now)
{
	__u64 word = pop_request(c);

	if (!word)
		word = push_response(c, now, status, 0);
	finish_word(c, word, status, ERROR_NONE, now);
}

/*
 * The same of the binary protocol: a reply to a quiet command that has been taken to have ended, or
 * has not been seen yet, answers none.
 */
static __always_inline void end_memcached_packet(struct connection *c, __u32 opcode, __u32 status,
						 __u64 now)
{
	__u64 word = next_request(c);

	if (is_quiet_opcode(opcode) && !(is_quiet(c, word)))
		return;
	end_memcached_reply(c, status, now);
}

/* A command is known, and waits for its reply. */
static __always_inline void add_memcached_command(struct connection *c, __u64 word)
{
	__u64 first;

	if (trait_of(word) & TRAIT_QUIET && waiting_requests(c) >= MOST_QUIET) {
		first = next_request(c);
		if (is_quiet(c, first))
			finish_word(c, pop_request(c), STATUS_OK, ERROR_NONE, bpf_ktime_get_ns());
	}
	add_request(c, word);
}
