/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of opens by actor and outcome (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/ring.h>
#include <ringtap/syscall.h>

/*
 * Lines for (actor, outcome) pairs, a power of two. Behind them follows one for each outcome, for
 * the opens that have no line of their own. `opens` and `lines` have open_lines + OUTCOMES entries.
 */
const volatile __u32 open_lines = 16384;
#define OUTCOMES (MAX_ERRNO + 1)
#define ALL_LINES (16384 + OUTCOMES)

/* An open is in exactly one of the two: the account of the ring has those with a record. */
struct open_line {
	struct actor_key key; /* its number is the outcome: 0 or the errno */
	__u64 without_record;
	__u64 with_record; /* delivered or lost */
};

EXPORT_RECORD(open_line);

LINES(opens, struct open_line, lines, struct actor_key, ALL_LINES);

static __always_inline struct open_line *line_of(__u32 outcome)
{
	struct actor_key key = {};
	const __u32 words = sizeof(key) / sizeof(__u64);
	struct open_line *line;

	current_actor_key(&key, outcome);
	line = find_line(&opens, &lines, open_lines, &key.process.pair, words);
	if (line)
		return line;
	key = (struct actor_key){ .process = process_key(OTHER_TGID, 0, outcome) };
	return line_at(&opens, &lines, open_lines + outcome, &key.process.pair, words);
}

/* Counts an open. False where that cannot be, for want of memory. */
static __always_inline bool count(__u32 outcome, bool has_record)
{
	struct open_line *line = line_of(outcome);

	if (!line)
		return false;
	atomic_inc(has_record ? &line->with_record : &line->without_record);
	return true;
}
