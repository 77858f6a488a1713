/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Connections over Unix sockets (stream), socketpairs among them. They have no sequence numbers and
 * no tracepoints of their own but those of calls. A socket is known by its address and its cookie,
 * which no other one has, so that another socket at the same address is another connection. One
 * that a program closes is found from time to time: closed.h.
 */
#pragma once

#include <ringtap/iter.h>

#include "left_out.h"
#include "path.h"
#include "unix_name.h"

/* Are requests over Unix sockets looked for? */
const volatile bool unix_wanted;

/*
 * Are the sockets that there were before the programs all in old_unix? Until l7_old_unix has been
 * read, each may be one.
 */
volatile bool old_unix_known;

/* What does not fit counts as new. */
#define OLD_UNIX_MAX 65536

/* Cookies of the sockets that there were before the programs, until they are met. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, OLD_UNIX_MAX);
	__type(key, __u64);
	__type(value, __u8);
} old_unix SEC(".maps");

static __always_inline bool is_unix(struct sock *sk)
{
	return sk->__sk_common.skc_family == AF_UNIX && sk->sk_type == SOCK_STREAM;
}

/* A socket that is met for the first time. */
static __noinline struct connection *insert_unix(struct sock *sk, __u64 cookie)
{
	__u64 key = (__u64)sk;
	struct connection *c;
	bool is_old;

	is_old = bpf_map_lookup_elem(&old_unix, &cookie) || !READ_ONCE(old_unix_known);
	bpf_map_delete_elem(&old_unix, &cookie);
	c = new_connection(&connections, &key);
	if (!c)
		return NULL;
	c->id = cookie;
	c->sock = key;
	c->is_unix = true;
	c->directions[SENT].next_seq = keep_unix_name(sk);
	if (is_old)
		join_late(c);
	return c;
}

/*
 * Has the socket of a connection been closed? unix_release_sock() (net/unix/af_unix.c) gives it
 * SOCK_DEAD, which stays in its memory until another socket has that, with another cookie or none.
 */
static __always_inline bool is_unix_closed(const struct connection *c)
{
	struct sock *sk = (void *)c->sock;

	return has_flag(sk, SOCK_DEAD) || READ(sk, __sk_common.skc_cookie.counter) != (__s64)c->id;
}

/*
 * The sockets that there are in all processes. Userspace reads it once, after attaching. Runs for
 * no task at the end (task_file_seq_stop(), kernel/bpf/task_iter.c).
 */
SEC("iter/task_file")
int l7_old_unix(struct bpf_iter__task_file *ctx)
{
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct socket *socket;
	struct sock *sk;
	__u8 one = 1;
	__u64 cookie;

	if (task && piece_ends())
		return 1;
	if (!task)
		old_unix_known = true;
	if (!task || !file)
		return 0;
	socket = bpf_sock_from_file(file);
	if (!socket)
		return 0;
	sk = socket->sk;
	if (!sk || !is_unix(sk))
		return 0;
	cookie = bpf_get_socket_cookie(sk);
	bpf_map_update_elem(&old_unix, &cookie, &one, BPF_ANY);
	return 0;
}
