/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The path of a request, of which routes are made (src/signals/l7/routes/): the beginning of its
 * target. A connection keeps that of the request that began last, with the time at which that
 * began: by this, a response knows whether it is its own request's. Of DNS it is the name of the
 * question that an answer repeats, as the message has it.
 */
#pragma once

#include "bytes.h"
#include "queue.h"
#include "reader.h"

/* Are paths kept? Userspace changes it while the program runs. */
volatile bool paths_wanted;

/* Are the names of questions? */
const volatile bool names_wanted;

/* What hashes of paths begin with, so that no client can make two of one hash. */
const volatile __u64 path_seed = 1;

/* In `path_time`, beside a WORD_TIME: several requests began in one call, and have no path. */
#define SEVERAL_PATHS (1ull << 63)

/* What a record says of its path. */
enum l7_path {
	PATH_NONE,
	PATH_WHOLE,
	PATH_CUT, /* it is longer than what was kept */
};

/* What path_time has for a request that ends now. */
static __always_inline __u64 path_mark(__u64 now, __u64 duration)
{
	return ((now >> 6) - (duration >> 6)) & WORD_TIME;
}

/* Is the path that of the request which began at this time? Other protocols have none. */
static __always_inline bool is_path_of(const struct connection *c, __u64 began)
{
	return (c->protocol == PROTOCOL_HTTP || c->protocol == PROTOCOL_DNS ||
		keeps_statements(c)) &&
	       READ_ONCE(c->path_time) == began;
}

/* The target of a request that began at this time follows; its first bytes, if any, are these. */
__noinline int begin_path(struct connection *c, __u64 time, __u64 first, __u32 length)
{
	__u64 mark = time >> 6 & WORD_TIME, before;

	if (!c)
		return 0;
	before = c->path_time;
	*(volatile __u64 *)&c->path_time = 0;
	c->path_hash = 0;
	__builtin_memset(c->path, 0, sizeof(c->path));
	c->path[0] = lowest(first, length);
	c->path_length = length;
	*(volatile __u64 *)&c->path_time = mark |
					   ((before & WORD_TIME) == mark ? SEVERAL_PATHS : 0);
	return 0;
}

/* Takes what fits of the bytes that are left of the call: some of them are the target's. */
__noinline int add_to_path(struct connection *c, struct scratch *scratch)
{
	__u32 length, bytes;
	__u8 *path;

	if (!c || !scratch || !scratch->position)
		return 0;
	scratch->is_path_taken = 1;
	path = (__u8 *)c->path;
	/* With masks, so that the verifier knows the bounds: slots follow the path. */
	length = READ_ONCE(c->path_length) & 127;
	bytes = scratch->left;
	if (length >= PATH_LEN)
		return 0;
	if (bytes > PATH_LEN - length)
		bytes = PATH_LEN - length;
	barrier_var(bytes);
	bytes &= 127;
	if (!bpf_probe_read_user(path + length, bytes, (void *)scratch->position))
		*(volatile __u32 *)&c->path_length = length + bytes;
	return 0;
}

static __always_inline __u64 mixed(__u64 hash, __u64 word)
{
	hash = (hash ^ word) * 0x9e3779b97f4a7c15ull;
	return hash ^ hash >> 32;
}

/*
 * In the bytes of a word that end a path: 0x80. These are no character, a blank, a question mark.
 */
static __always_inline __u64 path_ends(__u64 word)
{
	const __u64 ones = 0x0101010101010101ull;
	__u64 mark = word ^ ones * '?';

	return (((word - ones * '!') & ~word) | ((mark - ones) & ~mark)) & ones * 0x80;
}

/*
 * The path of the request that began at this time, which begins with the bytes that are left: takes
 * it from the window, if all of it is there, or else what there is. Sets its hash where it is
 * whole.
 */
__noinline int take_path(struct connection *c, struct scratch *scratch)
{
	__u64 hash = path_seed, word, ends, index;
	__u32 n, available;

	if (!c || !scratch)
		return 0;
	index = scratch->position - scratch->window;
	available = scratch->filled - index;
	if (available > scratch->left)
		available = scratch->left;
	index &= WINDOW - 1;
	for (n = 0; n < PATH_LEN / 8 && 8 * n + 8 <= available; n++) {
		word = *(const __u64 *)&scratch->bytes[index + 8 * n];
		ends = path_ends(word);
		/* All bytes below the first of them. */
		c->path[n] = ends ? word & (((ends & -ends) >> 7) - 1) : word;
		hash = mixed(hash, c->path[n]);
		if (ends) {
			scratch->is_path_taken = 1;
			c->path_length = PATH_LEN;
			c->path_hash = hash | 1;
			return 0;
		}
	}
	return add_to_path(c, scratch);
}

/* Copies the name of a question. What lies behind its end is not part of it. */
static __always_inline enum l7_path copy_name(__u64 *to, const struct connection *c)
{
	__u32 n;

	for (n = 0; n < PATH_LEN / 8; n++)
		to[n] = READ_ONCE(c->path[n]);
	return PATH_WHOLE;
}

/*
 * Copies the path of the request that began at this time, without what follows it: the rest of it
 * is zeros. Others may change it meanwhile.
 */
static __always_inline enum l7_path copy_path(__u64 *to, struct connection *c, __u64 began)
{
	__u64 word, ends, keep = ~0ull;
	__u32 n;

	for (n = 0; n < PATH_LEN / 8; n++) {
		word = READ_ONCE(c->path[n]);
		ends = path_ends(word);
		/* All bytes below the first of them. */
		to[n] = word & (((ends & -ends) >> 7) - 1) & keep;
		keep &= -(__u64)!ends;
	}
	barrier();
	return READ_ONCE(c->path_time) != began ? PATH_NONE : keep ? PATH_CUT : PATH_WHOLE;
}
