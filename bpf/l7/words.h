/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Words that operations and failures are known by, such as the names of commands. Each set is a
 * hash table, and a word's number is its place there; what is not in it has no number of its own,
 * so that metrics show nothing of what a program may say besides.
 */
#pragma once

#include "bytes.h"
#include "connection.h"

/* As many as request numbers have room for. The same numbers are in src/signals/l7/words.ts. */
#define WORDS 1024
#define WORD_PROBES 16

/* Statuses of protocols that have no numbers for them; no word has one of these. */
#define STATUS_OK 1
#define STATUS_OTHER 2 /* a failure whose word is not known */

/* The longest word. */
#define WORD_LEN 16

/* In upper case, zeros behind its end. */
struct word {
	__u64 low;
	__u64 high;
};

/* ASCII letters in upper case; what is no letter, digit, '.', ':', '-' or '_' may change too. */
static __always_inline __u64 upper_case(__u64 bytes)
{
	return bytes & ~((bytes & 0x4040404040404040ull) >> 1);
}

/* The number of a word in a set; 0 when it has none. */
static __always_inline __u32 number_of_word(const volatile struct word *words, __u64 low,
					    __u64 high)
{
	__u32 home = (low * 0x9e3779b97f4a7c15ull + high * 0xc2b2ae3d27d4eb4full) >> 54;
	__u32 probe, slot;

	if (!low)
		return 0;
	for (probe = 0; probe < WORD_PROBES; probe++) {
		slot = (home + probe) & (WORDS - 1);
		if (words[slot].low == low && words[slot].high == high)
			return slot;
		if (!words[slot].low)
			break;
	}
	return 0;
}

/* Takes a byte of a word into the carry. What is longer than a word may be is none. */
static __always_inline void add_to_word(struct direction *d, __u32 byte)
{
	__u8 *bytes = (__u8 *)d->carry, length = READ_ONCE(d->carry_len);

	if (length >= WORD_LEN) {
		d->carry[0] = 0;
		return;
	}
	bytes[length & (WORD_LEN - 1)] = byte;
	*(volatile __u8 *)&d->carry_len = length + 1;
}
