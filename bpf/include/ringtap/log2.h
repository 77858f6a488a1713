/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Powers of two. */
#pragma once

#include <linux/types.h>

/*
 * Is a value below 2^63 above a limit? 1 or 0, by the sign of their difference. Of a comparison,
 * and of this where it knows what values there can be, the compiler makes a branch: the verifier
 * follows both ways, and a CPU often guesses the wrong one, as durations vary.
 */
static __always_inline __u64 is_above(__u64 value, __u64 limit)
{
	asm("" : "+r"(value));
	return (limit - value) >> 63;
}

/*
 * The smallest k with value ≤ 2^k, that is ceil(log2(value)); 0 for 0 and 1. Rounded up, so that
 * "at most 2^k" is true of all that a histogram's slot k holds. src/metrics/log2.ts does the same.
 */
static __always_inline __u32 ceil_log2(__u64 value)
{
	__u64 rest = value ? value - 1 : 0;
	__u64 bits, step;

	bits = is_above(rest >> 32, 0) << 5;
	rest >>= bits;
	step = is_above(rest, 0xffff) << 4;
	bits |= step;
	rest >>= step;
	step = is_above(rest, 0xff) << 3;
	bits |= step;
	rest >>= step;
	step = is_above(rest, 0xf) << 2;
	bits |= step;
	rest >>= step;
	step = is_above(rest, 0x3) << 1;
	bits |= step;
	rest >>= step;
	/* Two bits are left: 0, 1, 2 or 3 stand for 0, 1, 2 and 2 of them, here as a table. */
	return bits + (0xa4 >> (2 * (rest & 3)) & 3);
}

/* 2^(power - 30) seconds, in whole ns; exact up to 2^43 ns (2.4 h), above 36 beyond. */
static __always_inline __u64 bound_of_seconds(__u32 power)
{
	return 1953125ull << (power & 63) >> 21;
}

/*
 * The smallest k with duration ≤ 2^(k - 30) seconds: histograms have bounds that are powers of two
 * of a second, as Prometheus's native histograms do. 2^(k - 30) s are 5^9 × 2^(k - 21) ns, a little
 * less than 2^k ns, so that a duration is in the bucket of its ceil_log2() or the next one. Exact
 * as bound_of_seconds() is. src/metrics/log2.ts does the same.
 */
static __always_inline __u32 ceil_log2_seconds(__u64 duration)
{
	__u32 power = ceil_log2(duration);

	return power + is_above(duration, bound_of_seconds(power));
}

/*
 * The lesser of a value and a constant. The very register that has been compared is what comes out:
 * where a value lies on the stack, the compiler compares a copy, of which old verifiers conclude
 * nothing for the value (Linux 6.1).
 */
static __always_inline __u64 at_most(__u64 value, __u64 limit)
{
#if defined(__bpf__)
	asm("if %0 <= %1 goto +1\n\t%0 = %1" : "+r"(value) : "i"(limit));
	return value;
#else
	return value < limit ? value : limit;
#endif
}

/*
 * The slot of a duration in a histogram of `slots`, the first of which holds what is at most
 * 2^(first_power - 30) s, and the last one all that is more than the others hold.
 */
static __always_inline __u32 slot_of_seconds(__u64 duration, __u32 first_power, __u32 slots)
{
	__u64 power = ceil_log2_seconds(duration);
	__u64 slot = (power - first_power) * is_above(power, first_power);

	return at_most(slot, slots - 1);
}
