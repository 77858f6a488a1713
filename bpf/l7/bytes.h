/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Bytes as words of eight, the first one lowest. */
#pragma once

#include <ringtap/core.h>

#define BYTES8(a, b, c, d, e, f, g, h)                                                           \
	((__u64)(a) | (__u64)(b) << 8 | (__u64)(c) << 16 | (__u64)(d) << 24 | (__u64)(e) << 32 | \
	 (__u64)(f) << 40 | (__u64)(g) << 48 | (__u64)(h) << 56)

/* The lowest `count` bytes of a word. */
static __always_inline __u64 lowest(__u64 word, __u32 count)
{
	return count >= 8 ? word : word & ((1ull << (8 * count)) - 1);
}

/* Of 0x80 in some bytes, 0 in the others: the lowest byte that has it. */
static __always_inline __u32 lowest_byte(__u64 bytes)
{
	bytes >>= 7;
	/* All bits below it: as many bytes of eight. */
	bytes = (bytes & -bytes) - 1;
	return ((bytes & 0x0101010101010101ull) * 0x0101010101010101ull >> 56) & 7;
}
