/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Calls on sockets as sys_exit shows them, where the kernel has no tracepoint within them: their
 * number says which way bytes go, their result how many there were, and their descriptor on which
 * socket. What is behind that may be another one by now; the sequence numbers tell.
 */
#pragma once

/* How a call moves bytes: bit 0 is their direction. */
enum moving {
	FLAGS_AT_THIRD = 2 << 1, /* its flags are the argument of this number, from 0 on */
	FLAGS_AT_FOURTH = 3 << 1,
	BETWEEN_DESCRIPTORS = 1 << 3, /* from the first argument to the third */
	IN_BATCHES = 1 << 4,	      /* several datagrams */
	MOVES_NOTHING = 1 << 5,
};

static __always_inline __u32 moving_of(__u32 nr)
{
	switch (nr) {
	case NR_READ:
	case NR_READV:
	case COMPAT_READ:
	case COMPAT_READV:
		return RECEIVED;
	case NR_RECVFROM:
	case COMPAT_RECV:
	case COMPAT_RECVFROM:
		return RECEIVED | FLAGS_AT_FOURTH;
	case NR_RECVMSG:
	case COMPAT_RECVMSG:
		return RECEIVED | FLAGS_AT_THIRD;
	case NR_RECVMMSG:
	case COMPAT_RECVMMSG:
	case COMPAT_RECVMMSG_TIME64:
		return RECEIVED | FLAGS_AT_FOURTH | IN_BATCHES;
	case NR_WRITE:
	case NR_WRITEV:
	case NR_SENDFILE:
	case COMPAT_WRITE:
	case COMPAT_WRITEV:
	case COMPAT_SENDFILE:
	case COMPAT_SENDFILE64:
		return SENT;
	case NR_SENDTO:
	case COMPAT_SEND:
	case COMPAT_SENDTO:
		return SENT | FLAGS_AT_FOURTH;
	case NR_SENDMSG:
	case COMPAT_SENDMSG:
		return SENT | FLAGS_AT_THIRD;
	case NR_SENDMMSG:
	case COMPAT_SENDMMSG:
		return SENT | FLAGS_AT_FOURTH | IN_BATCHES;
	case NR_SPLICE:
	case COMPAT_SPLICE:
		return RECEIVED | BETWEEN_DESCRIPTORS;
	default:
		return MOVES_NOTHING;
	}
}

/* The next datagram of a call. False where it is to be left out. */
static __noinline bool begin_returned(struct connection *c, struct scratch *scratch)
{
	struct returned_call *call = &scratch->call;
	struct pt_regs *regs = registers_at_return();
	bool compat = is_compat();
	__u64 header;

	if (call->is_batch) {
		header = header_at(socket_call_arg(regs, 1, compat), call->place, compat);
		/* struct mmsghdr: a struct msghdr, and the datagram's length. */
		bpf_probe_read_user(&call->bytes, sizeof(call->bytes),
				    (void *)header + (compat ? 28 : 56));
	}
	call->vector = 0;
	scratch->memory.place = call->place++;
	if (!begin_datagram((struct sock *)c->sock, call->bytes, call->how, scratch))
		return false;
	*cookie_of(c) = call->inode;
	return true;
}

/* A step of bpf_loop(): the next piece of memory of the current datagram, or the next datagram. */
static long take_returned_piece(__u32 index, struct reader *r)
{
	struct returned_call *call = &r->scratch->call;
	struct call_memory *memory = &r->scratch->memory;
	bool is_last = true;

	if (!call->is_begun) {
		if (call->place >= call->datagrams)
			return 1;
		call->is_begun = begin_returned(r->c, r->scratch);
		return 0;
	}
	memory->piece = memory->address;
	memory->length = memory->left;
	if (memory->vectors && memory->address) {
		if (memory->left && call->vector < memory->vectors &&
		    call->vector < DATAGRAM_VECTORS) {
			find_piece(memory, call->vector++);
			is_last = false;
		} else {
			memory->length = 0;
		}
	}
	if (memory->length)
		dns_take(r->c, r->scratch, memory->piece, memory->length,
			 (call->how & 1) | REASON_UNREADABLE << 1);
	memory->left -= memory->length;
	if (is_last) {
		count_datagram(r->c, call->how & 1, call->bytes);
		call->is_begun = false;
	}
	return 0;
}

/* Takes the datagrams of a call that returns, of which there are so many, or of so many bytes. */
static __always_inline void take_datagrams(struct sock *sk, struct scratch *scratch, __u32 ret)
{
	struct returned_call *call = &scratch->call;
	__u32 direction = call->how & 1;
	struct reader r = {
		.c = bpf_map_lookup_elem(&datagrams, &direction),
		.scratch = scratch,
	};

	if (!r.c)
		return;
	r.c->sock = (__u64)sk;
	call->bytes = ret;
	call->datagrams = call->is_batch ? ret : !call->is_void;
	call->place = 0;
	call->is_begun = false;
	bpf_loop(MOST_STEPS, take_returned_piece, &r, 0);
}

/* Finds the socket that a call has moved bytes on; NULL for none. */
static __noinline struct sock *find_call(struct pt_regs *regs, struct returned_call *call)
{
	bool compat = is_compat();
	__u32 nr = socket_call_nr(regs, compat), flags = 0;
	__u32 moving = moving_of(nr);
	struct file *file;
	struct sock *sk;

	if (moving & MOVES_NOTHING)
		return NULL;
	file = file_of(socket_call_arg(regs, 0, compat));
	sk = sock_of(file);
	if (!sk && moving & BETWEEN_DESCRIPTORS) {
		moving |= SENT;
		file = file_of(socket_call_arg(regs, 2, compat));
		sk = sock_of(file);
	}
	if (!sk)
		return NULL;
	if ((moving & FLAGS_AT_FOURTH) == FLAGS_AT_FOURTH)
		flags = socket_call_arg(regs, 3, compat);
	else if (moving & FLAGS_AT_THIRD)
		flags = socket_call_arg(regs, 2, compat);
	call->flags = flags;
	call->how = (moving & 1) | DATAGRAM_RETURNS | (flags & MSG_TRUNC ? DATAGRAM_UNREADABLE : 0);
	call->is_batch = moving & IN_BATCHES;
	/* A read of no bytes is none of a datagram. */
	call->is_void = !(moving & (FLAGS_AT_THIRD | SENT)) && !socket_call_arg(regs, 2, compat);
	/* In place of a cookie, which no one may have asked for: as unique, while it is there. */
	if (READ(sk, sk_protocol) == IPPROTO_UDP)
		call->inode = READ(file, f_inode, i_ino);
	return sk;
}

SYSCALL_EXIT(l7_sys_exit, struct pt_regs *regs, long ret)
{
	__u32 program = IN_RECEIVE;
	struct scratch *scratch;
	struct sock *sk;

	if (ret < 0 || !all_attached)
		return;
	scratch = bpf_map_lookup_elem(&scratches, &program);
	if (!scratch)
		return;
	sk = find_call(regs, &scratch->call);
	if (!sk)
		return;
	if (is_tcp(sk)) {
		if (!scratch->call.is_batch)
			take_tcp(sk, ret, scratch->call.flags, scratch->call.how & 1, true);
	} else if (is_udp(sk) && are_questions_wanted() &&
		   !(scratch->call.flags & (MSG_PEEK | MSG_ERRQUEUE))) {
		take_datagrams(sk, scratch, ret);
	}
}
