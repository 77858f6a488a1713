/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* A few bytes of a call, wherever its pieces of memory lie: what it may begin. */
#pragma once

#include "call.h"
#include "reader.h"

struct opening {
	struct scratch *scratch;
	__u32 at; /* where the bytes are, from the current piece's beginning on */
	__u32 wanted;
	__u32 copied;
};

/* Copies what a piece of memory has of the bytes. Returns 1 when it has the last of them. */
static __noinline long copy_piece(struct opening *opening)
{
	struct call_memory *memory = &opening->scratch->memory;
	__u64 bytes = memory->length;

	if (opening->at >= bytes) {
		opening->at -= bytes;
		return 0;
	}
	bytes -= opening->at;
	if (bytes > opening->wanted)
		bytes = opening->wanted;
	if (!memory->piece ||
	    bpf_probe_read_user(&opening->scratch->bytes[opening->copied & (OPENING - 1)],
				bytes & (2 * OPENING - 1), (void *)(memory->piece + opening->at)))
		return 1;
	opening->copied += bytes;
	opening->wanted -= bytes;
	opening->at = 0;
	return !opening->wanted;
}

static long copy_vector(__u32 index, struct opening *opening)
{
	struct call_memory *memory = &opening->scratch->memory;

	if (!memory->left || index >= memory->vectors)
		return 1;
	find_piece(memory, index);
	memory->left -= memory->length;
	return copy_piece(opening);
}

/* Vectors that are looked into at most; UIO_MAXIOV, include/uapi/linux/uio.h. */
#define MOST_VECTORS 1024

/*
 * Reads so many bytes of the call, at most OPENING, from an offset on into the scratch. False when
 * they cannot be read. Global, so that it is verified once.
 */
__noinline int read_opening(struct scratch *scratch, __u64 offset, __u32 bytes)
{
	struct opening opening = { .at = offset, .wanted = bytes };
	__u64 left;

	if (!scratch || bytes > OPENING || !scratch->memory.address)
		return false;
	opening.scratch = scratch;
	left = scratch->memory.left;
	if (scratch->memory.vectors) {
		bpf_loop(MOST_VECTORS, copy_vector, &opening, 0);
	} else {
		scratch->memory.piece = scratch->memory.address;
		scratch->memory.length = left;
		copy_piece(&opening);
	}
	scratch->memory.left = left;
	return !opening.wanted;
}
