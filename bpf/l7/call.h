/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Where the bytes of the current call are: sock_send_length and sock_recv_length say how many there
 * were, and the call's own arguments, which are still in place, where.
 */
#pragma once

#include <ringtap/syscall.h>

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
	COMPAT_READ = COMPAT_BIT | 3,
	COMPAT_WRITE = COMPAT_BIT | 4,
	COMPAT_READV = COMPAT_BIT | 145,
	COMPAT_WRITEV = COMPAT_BIT | 146,
	COMPAT_SENDTO = COMPAT_BIT | 369,
	COMPAT_SENDMSG = COMPAT_BIT | 370,
	COMPAT_RECVFROM = COMPAT_BIT | 371,
	COMPAT_RECVMSG = COMPAT_BIT | 372,
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
	COMPAT_READ = COMPAT_BIT | 3,
	COMPAT_WRITE = COMPAT_BIT | 4,
	COMPAT_READV = COMPAT_BIT | 145,
	COMPAT_WRITEV = COMPAT_BIT | 146,
	COMPAT_SENDTO = COMPAT_BIT | 290,
	COMPAT_RECVFROM = COMPAT_BIT | 292,
	COMPAT_SENDMSG = COMPAT_BIT | 296,
	COMPAT_RECVMSG = COMPAT_BIT | 297,
};
#endif

#if defined(__TARGET_ARCH_x86)
KERNEL_TYPES_BEGIN

struct pt_regs___result {
	unsigned long ax;
};

KERNEL_TYPES_END
#endif

/* Of a native caller (include/linux/socket.h, struct user_msghdr), and of a 32-bit one. */
struct native_vectors {
	__u64 name;
	__u64 namelen;
	__u64 vectors;
	__u64 count;
};

struct compat_vectors {
	__u32 name;
	__u32 namelen;
	__u32 vectors;
	__u32 count;
};

/* The memory of a call: one buffer, or vectors of buffers. */
struct call_memory {
	__u64 address; /* of the buffer, or of the vectors; 0: not known */
	__u32 vectors; /* 0: one buffer */
	bool is_compat;
};

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
	struct native_vectors native = {};
	struct compat_vectors compat = {};

	if (!memory->is_compat) {
		bpf_probe_read_user(&native, sizeof(native), (void *)header);
		memory->address = native.vectors;
		memory->vectors = native.count;
	} else {
		bpf_probe_read_user(&compat, sizeof(compat), (void *)header);
		memory->address = compat.vectors;
		memory->vectors = compat.count;
	}
}

/* Finds the memory of the current call on this socket. */
static __always_inline void find_memory(struct call_memory *memory, struct sock *sk)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct pt_regs *regs;
	bool compat;

	*memory = (struct call_memory){};
	if (task->flags & PF_KTHREAD)
		return;
	regs = (void *)bpf_task_pt_regs(task);
	if (!is_under_way(regs, sk))
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

/* The vector of an index: its address and its length; false when it cannot be read. */
static __always_inline bool read_vector(const struct call_memory *memory, __u32 index,
					__u64 *address, __u64 *length)
{
	if (memory->is_compat) {
		__u32 vector[2];

		if (bpf_probe_read_user(vector, sizeof(vector),
					(void *)(memory->address + index * sizeof(vector))))
			return false;
		*address = vector[0];
		*length = vector[1];
	} else {
		__u64 vector[2];

		if (bpf_probe_read_user(vector, sizeof(vector),
					(void *)(memory->address + index * sizeof(vector))))
			return false;
		*address = vector[0];
		*length = vector[1];
	}
	return true;
}
