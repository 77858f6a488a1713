/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A parser takes the bytes of a call in steps. */
#pragma once

#include "finish.h"
#include "reader.h"

/* More steps than a call has bytes that are not a body's. */
#define MOST_STEPS (1 << 23)

/*
 * Where the next bytes of a step lie in the window: make_available_in(). -1 when they cannot be
 * read, for which the protocol has broken off.
 */
static __always_inline int next_bytes(struct reader *r, __u32 wanted, __u32 *available,
				      __u32 window)
{
	int index = r->scratch->position ? make_available_in(r, wanted, available, window) : -1;

	if (index < 0)
		desynchronize(r->c, r->scratch->reason);
	return index;
}

/*
 * Takes steps until there is nothing left. What is left after the most that there may be is
 * skipped.
 */
static __always_inline void run_steps(struct reader *r, long (*step)(__u32, struct reader *))
{
	struct scratch *scratch = r->scratch;

	if (bpf_loop(MOST_STEPS, step, r, 0) != MOST_STEPS || !scratch->left)
		return;
	desynchronize(r->c, REASON_MALFORMED);
	scratch->skipped += scratch->left;
	scratch->skipped_for = REASON_MALFORMED;
}

/*
 * Begins with the bytes of a call, as a protocol's NAME_take() gets them: those of a tunnel are
 * opaque.
 */
static __always_inline void begin_taking(struct reader *r, __u64 address, __u64 bytes, __u32 how)
{
	begin_reading(r, address, bytes, how);
	if (r->c->is_tunnel)
		direction_of(r)->mode = MODE_OPAQUE;
}

/* Takes the bytes of a call by steps alone. */
static __always_inline int take_by_steps(struct connection *c, struct scratch *scratch,
					 __u64 address, __u64 bytes, __u32 how,
					 long (*step)(__u32, struct reader *))
{
	struct reader r = { .c = c, .scratch = scratch };

	if (!c || !scratch)
		return 0;
	begin_taking(&r, address, bytes, how);
	run_steps(&r, step);
	return 0;
}
