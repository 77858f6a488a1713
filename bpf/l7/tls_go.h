/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What TLS carries, as Go's crypto/tls gives and takes it.
 *
 * A program runs at calls that its Read and Write make (src/signals/l7/tls/go-places.ts), at each
 * of which everything is at hand: the connection (a *tls.Conn, the session's key), the bytes, and
 * how many they are. So it does not matter which thread a goroutine runs in, and nothing of a
 * call has to be kept. The session's socket is that of the descriptor in the connection.
 *
 * Arguments are in registers: src/cmd/compile/abi-internal.md of Go, since 1.17 (arm64: 1.18).
 */
#pragma once

#include "tls.h"

/* In a probe's cookie: it is at a place of a program of Go. */
#define GO_PLACE (1u << 30)

/* Which one: bits 0 to 2 of the cookie. */
enum go_place {
	GO_NOWHERE,
	GO_HANDSHAKE, /* (*Conn).clientHandshake and serverHandshake, entered */
	GO_WRITE,     /* Write calls (*Conn).writeRecordLocked(c, type, bytes) */
	GO_COPY,      /* Read calls memmove(to, from, length) */
	GO_READER,    /* Read calls (*bytes.Reader).Read(r, bytes) */
};

/* Bits 3 to 29: where Read keeps the connection, from the stack pointer on. */
#define GO_PLACE_BITS 3

KERNEL_TYPES_BEGIN

#if defined(__TARGET_ARCH_x86)
struct pt_regs___go {
	unsigned long bx, ax, cx, di, sp;
};
#else
struct pt_regs___go {
	__u64 regs[31];
	__u64 sp;
};
#endif

KERNEL_TYPES_END

/* An argument of a function of Go that is about to be called, from 0 to 3. */
static __always_inline __u64 go_argument(struct pt_regs *ctx, int n)
{
	struct pt_regs___go *regs = (void *)ctx;

#if defined(__TARGET_ARCH_x86)
	switch (n) {
	case 0:
		return regs->ax;
	case 1:
		return regs->bx;
	case 2:
		return regs->cx;
	default:
		return regs->di;
	}
#else
	return regs->regs[n];
#endif
}

/* A word of the current process's memory; 0 where there is none. */
static __always_inline __u64 user_word(__u64 address)
{
	__u64 word = 0;

	bpf_probe_read_user(&word, sizeof(word), (void *)address);
	return word;
}

/* Connections may be wrapped in others, each of which begins with the one that it wraps. */
#define MOST_WRAPS 3

/* Where the descriptor is in a net.netFD: poll.FD.Sysfd. */
#define GO_DESCRIPTOR 16

/* The connection of a descriptor of the current process; NULL for one that is not known. */
static __always_inline struct connection *connection_of_descriptor(__u32 fd)
{
	struct file *file = file_of(fd);
	struct socket *socket;

	if (!file || (READ(file, f_inode, i_mode) & S_IFMT) != S_IFSOCK)
		return NULL;
	socket = READ(file, private_data);
	return connection_of(READ(socket, sk));
}

/*
 * The encrypted connection of a *tls.Conn. This begins with its net.Conn, of two words, the second
 * of which leads to the value: a net.TCPConn, whose only word leads to a net.netFD; or a struct
 * that begins with another net.Conn. (In place of a netFD, the latter has a table of methods, and
 * a hash in place of the descriptor.)
 */
static __noinline struct connection *go_encrypted(__u64 conn)
{
	struct connection *c = NULL;
	__u64 value = conn;

#pragma unroll
	for (int wraps = 0; wraps < MOST_WRAPS; wraps++) {
		value = user_word(value + 8);
		if (!value)
			return NULL;
		c = connection_of_descriptor(user_word(user_word(value) + GO_DESCRIPTOR));
		if (c)
			return c;
	}
	return NULL;
}

/* Does a connection have a session of another *tls.Conn? Apart, for its key. */
static __noinline bool is_another_session(const struct connection *c, __u64 conn)
{
	return c->session != conn && session_of(c);
}

/* The session of a *tls.Conn; NULL where its socket is not found. */
static __noinline struct connection *go_session(__u64 conn, bool begins)
{
	struct session_key key = { .ssl = conn, .tgid = current_tgid() };
	struct connection *c, *session;

	session = bpf_map_lookup_elem(&sessions, &key);
	/* Memory is another connection's only once the socket has been closed. */
	if (session && !session->is_closing && !begins)
		return session;
	c = go_encrypted(conn);
	if (!c)
		return NULL;
	/* TLS within TLS: the outer one comes first, and stays. */
	if (is_another_session(c, conn))
		return NULL;
	if (!session || session->sock != c->sock)
		bind_session(c, conn, begins);
	return bpf_map_lookup_elem(&sessions, &key);
}

/* What a Reader has left to give: src/bytes/reader.go. */
struct go_reader {
	__u64 bytes;
	__u64 length;
	__u64 capacity;
	__u64 at;
};

/* What is read or written at a place of a program of Go; `bytes` 0 for nothing. */
static __always_inline void find_go_plaintext(struct pt_regs *ctx, __u64 cookie,
					      struct plaintext *found)
{
	__u64 first = go_argument(ctx, 0), second = go_argument(ctx, 1);
	__u64 third = go_argument(ctx, 2), fourth = go_argument(ctx, 3);
	__u64 stack = ((struct pt_regs___go *)ctx)->sp;
	enum go_place place = cookie & ((1 << GO_PLACE_BITS) - 1);
	struct go_reader reader = {};
	__u64 conn, buffer, bytes;

	/* Else one of them is loaded from a place that is computed, which the verifier refuses. */
	asm volatile("" : "+r"(first), "+r"(second), "+r"(third), "+r"(fourth), "+r"(stack));
	conn = first;
	buffer = third;
	bytes = fourth;
	if (place == GO_HANDSHAKE) {
		go_session(conn, true);
		return;
	}
	if (place != GO_WRITE) {
		conn = user_word(stack + ((cookie & (GO_PLACE - 1)) >> GO_PLACE_BITS));
		buffer = second;
		bytes = third;
	}
	if (place == GO_READER) {
		bpf_probe_read_user(&reader, sizeof(reader), (void *)first);
		buffer = reader.bytes + reader.at;
		if (bytes > reader.length - reader.at)
			bytes = reader.length - reader.at;
	}
	if (!bytes)
		return;
	found->session = go_session(conn, false);
	found->buffer = buffer;
	found->direction = place == GO_WRITE ? SENT : RECEIVED;
	found->bytes = bytes;
}
