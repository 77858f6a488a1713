/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the bytes of the current call are: the tracepoint that a program runs at says how many
 * there were, and the call's own arguments, which are still in place, where.
 */
#pragma once

#include <ringtap/batch.h>
#include <ringtap/socket_call.h>

#include "call_memory.h"

#define MSG_OOB 0x01
#define MSG_PEEK 0x02
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000

#define ECONNRESET 104

static __always_inline void find_vectors(struct call_memory *memory, __u64 header)
{
	/* What cannot be read is zeroed. */
	if (!memory->is_compat) {
		bpf_probe_read_user(&memory->native, sizeof(memory->native), (void *)header);
		memory->name = memory->native.name;
		memory->address = memory->native.vectors;
		memory->vectors = memory->native.count;
	} else {
		bpf_probe_read_user(&memory->compat, sizeof(memory->compat), (void *)header);
		memory->name = memory->compat.name;
		memory->address = memory->compat.vectors;
		memory->vectors = memory->compat.count;
	}
}

/*
 * Finds the memory of a call that sends or receives one message, by its registers; false for
 * another one.
 */
static __always_inline bool find_one(struct call_memory *memory, struct pt_regs *regs, __u32 nr,
				     bool compat)
{
	switch (nr) {
	case NR_SENDTO:
	case COMPAT_SENDTO:
		memory->name = socket_call_arg(regs, 4, compat);
		/* fallthrough */
	case NR_READ:
	case NR_WRITE:
	case NR_RECVFROM:
	case COMPAT_READ:
	case COMPAT_WRITE:
	case COMPAT_SEND:
	case COMPAT_RECV:
	case COMPAT_RECVFROM:
		memory->address = socket_call_arg(regs, 1, compat);
		return true;
	case NR_READV:
	case NR_WRITEV:
	case NR_PREADV2:
	case NR_PWRITEV2:
	case COMPAT_READV:
	case COMPAT_WRITEV:
	case COMPAT_PREADV2:
	case COMPAT_PWRITEV2:
		memory->address = socket_call_arg(regs, 1, compat);
		memory->vectors = socket_call_arg(regs, 2, compat);
		return true;
	case NR_SENDMSG:
	case NR_RECVMSG:
	case COMPAT_SENDMSG:
	case COMPAT_RECVMSG:
		find_vectors(memory, socket_call_arg(regs, 1, compat));
		return true;
	default:
		return false;
	}
}

/* Finds the memory of the current call on this socket; NULL for a call that returns. */
static __noinline void find_memory(struct call_memory *memory, struct sock *sk)
{
	struct pt_regs *regs = sk ? registers_of_call(sk) : registers_at_return();
	bool compat;

	if (!regs)
		return;
	memory->is_compat = compat = is_compat();
	find_one(memory, regs, socket_call_nr(regs, compat), compat);
}

/*
 * Finds the piece of memory that the vector of an index is, as far as the call's bytes go; all of
 * them, at no known address, when the vector cannot be read.
 */
static __noinline void find_piece(struct call_memory *memory, __u32 index)
{
	memory->piece = 0;
	memory->length = memory->left;
	if (memory->is_compat) {
		if (bpf_probe_read_user(
			    memory->compat_vector, sizeof(memory->compat_vector),
			    (void *)(memory->address + index * sizeof(memory->compat_vector))))
			return;
		memory->piece = memory->compat_vector[0];
		if (memory->compat_vector[1] < memory->left)
			memory->length = memory->compat_vector[1];
	} else {
		if (bpf_probe_read_user(
			    memory->native_vector, sizeof(memory->native_vector),
			    (void *)(memory->address + index * sizeof(memory->native_vector))))
			return;
		memory->piece = memory->native_vector[0];
		if (memory->native_vector[1] < memory->left)
			memory->length = memory->native_vector[1];
	}
}

/* The header of the datagram at a place of a call's struct mmsghdr[]: one, and a length. */
static __always_inline __u64 header_at(__u64 headers, __u32 place, bool compat)
{
	return headers + place * (compat ? 32 : 64);
}

/*
 * Finds the memory of the datagram that the current call sends or receives on this socket; NULL for
 * a call that returns, of which it is the one at the memory's place.
 */
static __noinline void find_datagram(struct call_memory *memory, struct sock *sk)
{
	struct pt_regs *regs = sk ? registers_of_call(sk) : registers_at_return();
	__u32 nr, place = memory->place;
	__u64 headers;
	bool compat;

	if (!regs)
		return;
	memory->is_compat = compat = is_compat();
	nr = socket_call_nr(regs, compat);
	if (find_one(memory, regs, nr, compat))
		return;
	switch (nr) {
	case NR_SENDMMSG:
	case NR_RECVMMSG:
	case COMPAT_SENDMMSG:
	case COMPAT_RECVMMSG:
	case COMPAT_RECVMMSG_TIME64:
		headers = socket_call_arg(regs, 1, compat);
		if (sk)
			place = next_of_batch(headers, socket_call_arg(regs, 2, compat));
		find_vectors(memory, header_at(headers, place, compat));
		break;
	}
}

/* A datagram that is not looked into has a place of its own among those of its call, too. */
static __noinline void pass_datagram(struct sock *sk)
{
	struct pt_regs *regs = registers_of_call(sk);
	bool compat;
	__u32 nr;

	if (!regs)
		return;
	compat = is_compat();
	nr = socket_call_nr(regs, compat);
	if (nr == NR_SENDMMSG || nr == COMPAT_SENDMMSG)
		next_of_batch(socket_call_arg(regs, 1, compat), socket_call_arg(regs, 2, compat));
}
