/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* How an active open ended. */
#pragma once

#include <asm-generic/errno.h>

#include <ringtap/core.h>

enum tcp_result {
	RESULT_ESTABLISHED,
	RESULT_REFUSED,
	RESULT_TIMED_OUT,
	RESULT_UNREACHABLE,
	RESULT_RESET,
	RESULT_ABORTED,
	RESULT_OTHER,
};

#define RESULTS (RESULT_OTHER + 1)

static __always_inline __u32 result_of(__u32 error)
{
	switch (error) {
	case ECONNREFUSED:
		return RESULT_REFUSED;
	case ETIMEDOUT:
		return RESULT_TIMED_OUT;
	case ENETUNREACH:
	case EHOSTUNREACH:
	case ENETDOWN:
	case EHOSTDOWN:
		return RESULT_UNREACHABLE;
	case ECONNRESET:
		return RESULT_RESET;
	case ECONNABORTED:
		return RESULT_ABORTED;
	default:
		return RESULT_OTHER;
	}
}
