/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the bytes of the current call are: sock_send_length and sock_recv_length say how many there
 * were, and the call's own arguments, which are still in place, where.
 */
#pragma once

#include <ringtap/syscall.h>

#include "call_memory.h"

#define MSG_OOB 0x01
#define MSG_PEEK 0x02
#define MSG_TRUNC 0x20
#define MSG_ERRQUEUE 0x2000

#define ENOSYS 38

#if defined(__TARGET_ARCH_x86)
enum stream_call {
	NR_READ = 0,
	NR_WRITE = 1,
	NR_READV = 19,
	NR_WRITEV = 20,
	NR_SENDTO = 44,
	NR_RECVFROM = 45,
	NR_SENDMSG = 46,
	NR_RECVMSG = 47,
	NR_RECVMMSG = 299,
	NR_SENDMMSG = 307,
	COMPAT_READ = COMPAT_BIT | 3,
	COMPAT_WRITE = COMPAT_BIT | 4,
	COMPAT_READV = COMPAT_BIT | 145,
	COMPAT_WRITEV = COMPAT_BIT | 146,
	COMPAT_RECVMMSG = COMPAT_BIT | 337,
	COMPAT_SENDMMSG = COMPAT_BIT | 345,
	COMPAT_SENDTO = COMPAT_BIT | 369,
	COMPAT_SENDMSG = COMPAT_BIT | 370,
	COMPAT_RECVFROM = COMPAT_BIT | 371,
	COMPAT_RECVMSG = COMPAT_BIT | 372,
	COMPAT_RECVMMSG_TIME64 = COMPAT_BIT | 417,
};
#else
enum stream_call {
	NR_READ = 63,
	NR_WRITE = 64,
	NR_READV = 65,
	NR_WRITEV = 66,
	NR_SENDTO = 206,
	NR_RECVFROM = 207,
	NR_SENDMSG = 211,
	NR_RECVMSG = 212,
	NR_RECVMMSG = 243,
	NR_SENDMMSG = 269,
	COMPAT_READ = COMPAT_BIT | 3,
	COMPAT_WRITE = COMPAT_BIT | 4,
	COMPAT_READV = COMPAT_BIT | 145,
	COMPAT_WRITEV = COMPAT_BIT | 146,
	COMPAT_SENDTO = COMPAT_BIT | 290,
	COMPAT_RECVFROM = COMPAT_BIT | 292,
	COMPAT_SENDMSG = COMPAT_BIT | 296,
	COMPAT_RECVMSG = COMPAT_BIT | 297,
	COMPAT_RECVMMSG = COMPAT_BIT | 365,
	COMPAT_SENDMMSG = COMPAT_BIT | 374,
	COMPAT_RECVMMSG_TIME64 = COMPAT_BIT | 417,
};
#endif

#if defined(__TARGET_ARCH_x86)
KERNEL_TYPES_BEGIN

struct pt_regs___result {
	unsigned long ax;
	unsigned long r8; /* a native caller's fifth argument */
};

KERNEL_TYPES_END
#endif

/*
 * Are these the registers of a call that is under way? At a call's exit the task may still send and
 * receive, for io_uring (task_work_run()), and the registers are what the caller will see.
 */
static __always_inline bool is_under_way(struct pt_regs *regs, struct sock *sk)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs___result *result = (void *)regs;

	return (long)result->ax == -ENOSYS;
#else
	struct file *file = file_of(syscall_arg(regs, 0));
	struct socket *socket = BPF_CORE_READ(file, private_data);

	return (BPF_CORE_READ(file, f_inode, i_mode) & S_IFMT) == S_IFSOCK &&
	       BPF_CORE_READ(socket, sk) == sk;
#endif
}

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

/* The registers of the current task's call on this socket; NULL when it is in none. */
static __always_inline struct pt_regs *registers_of_call(struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs;

	if (task->flags & PF_KTHREAD)
		return NULL;
	regs = (void *)bpf_task_pt_regs(task);
	return is_under_way(regs, sk) ? regs : NULL;
}

/* Finds the memory of the current call on this socket. */
static __noinline void find_memory(struct call_memory *memory, struct sock *sk)
{
	struct pt_regs *regs = registers_of_call(sk);
	bool compat;

	if (!regs)
		return;
	memory->is_compat = compat = is_compat();
	switch (unmarked_syscall_nr(regs) | (compat ? COMPAT_BIT : 0)) {
	case NR_READ:
	case NR_WRITE:
	case NR_SENDTO:
	case NR_RECVFROM:
	case COMPAT_READ:
	case COMPAT_WRITE:
	case COMPAT_SENDTO:
	case COMPAT_RECVFROM:
		memory->address = syscall_arg_of(regs, 1, compat);
		break;
	case NR_READV:
	case NR_WRITEV:
	case COMPAT_READV:
	case COMPAT_WRITEV:
		memory->address = syscall_arg_of(regs, 1, compat);
		memory->vectors = syscall_arg_of(regs, 2, compat);
		break;
	case NR_SENDMSG:
	case NR_RECVMSG:
	case COMPAT_SENDMSG:
	case COMPAT_RECVMSG:
		find_vectors(memory, syscall_arg_of(regs, 1, compat));
		break;
	}
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

/*
 * A call for several datagrams, which has each tracepoint once for each: how many it has had, by
 * thread. It ends with its last one, or with an error.
 */
struct batch {
	__u64 headers; /* the address of its struct mmsghdr[] */
	__u32 next;
	__u32 reserved;
};

/* Threads that are within such a call at once; a thread that has ended there stays. */
#define BATCHES_MAX 1024

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, BATCHES_MAX);
	__type(key, __u32);
	__type(value, struct batch);
} batches SEC(".maps");

/* The place of the current datagram among those of a call. */
static __always_inline __u32 next_of_batch(__u64 headers, __u32 count)
{
	struct batch next = { .headers = headers };
	__u32 tid = current_tid(), place = 0;
	struct batch *batch;

	if (count <= 1)
		return 0;
	batch = bpf_map_lookup_elem(&batches, &tid);
	if (batch && batch->headers == headers && batch->next < count)
		place = batch->next;
	next.next = place + 1;
	if (next.next < count)
		bpf_map_update_elem(&batches, &tid, &next, BPF_ANY);
	else
		bpf_map_delete_elem(&batches, &tid);
	return place;
}

/* A call has failed to send or receive. */
static __always_inline void end_datagrams(void)
{
	__u32 tid = current_tid();

	bpf_map_delete_elem(&batches, &tid);
}

/* Argument 4 of a call, 32-bit callers' among them. */
static __always_inline __u64 fifth_arg_of(struct pt_regs *regs, bool compat)
{
#if defined(__TARGET_ARCH_x86)
	struct pt_regs___result *more = (void *)regs;

	return compat ? (__u32)regs->di : more->r8;
#else
	return regs->regs[4];
#endif
}

/* Finds the memory of the datagram that the current call sends or receives on this socket. */
static __noinline void find_datagram(struct call_memory *memory, struct sock *sk)
{
	struct pt_regs *regs = registers_of_call(sk);
	__u64 headers;
	bool compat;

	if (!regs)
		return;
	memory->is_compat = compat = is_compat();
	switch (unmarked_syscall_nr(regs) | (compat ? COMPAT_BIT : 0)) {
	case NR_SENDTO:
	case COMPAT_SENDTO:
		memory->name = fifth_arg_of(regs, compat);
		/* fallthrough */
	case NR_READ:
	case NR_WRITE:
	case NR_RECVFROM:
	case COMPAT_READ:
	case COMPAT_WRITE:
	case COMPAT_RECVFROM:
		memory->address = syscall_arg_of(regs, 1, compat);
		break;
	case NR_READV:
	case NR_WRITEV:
	case COMPAT_READV:
	case COMPAT_WRITEV:
		memory->address = syscall_arg_of(regs, 1, compat);
		memory->vectors = syscall_arg_of(regs, 2, compat);
		break;
	case NR_SENDMSG:
	case NR_RECVMSG:
	case COMPAT_SENDMSG:
	case COMPAT_RECVMSG:
		find_vectors(memory, syscall_arg_of(regs, 1, compat));
		break;
	case NR_SENDMMSG:
	case NR_RECVMMSG:
	case COMPAT_SENDMMSG:
	case COMPAT_RECVMMSG:
	case COMPAT_RECVMMSG_TIME64:
		headers = syscall_arg_of(regs, 1, compat);
		/* struct mmsghdr: a header and a length, which take up whole words. */
		find_vectors(memory,
			     headers + next_of_batch(headers, syscall_arg_of(regs, 2, compat)) *
					       (compat ? 32 : 64));
		break;
	}
}
