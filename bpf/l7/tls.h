/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What TLS carries, as OpenSSL's functions give and take it.
 *
 * Two programs run when these functions are entered and return, where userspace has attached them
 * (src/signals/l7/tls/). What the functions carry is a connection of its own, with the state
 * machines of any other one: a *session*. Its key is the SSL, in the process; its socket is that of
 * an encrypted connection, found in one of two ways:
 *
 *   within a call   the function itself sends or receives on the socket, in its thread;
 *   by order        the program receives from the socket, and then calls one of them in the same
 *                   thread (memory BIOs, as in Node.js).
 *
 * A session ends with its socket.
 */
#pragma once

#include "connection.h"
#include "finish.h"
#include "protocols.h"
#include "reader.h"
#include "request_counts.h"

/* Is what TLS carries wanted? */
const volatile bool tls_wanted;

/* A record's type (RFC 8446, 5.1), and 3 for the version of all that are in use. */
#define TLS_ALERT 21
#define TLS_HANDSHAKE_RECORD 22
#define TLS_DATA 23
#define TLS_MAJOR 3

/* Messages of a handshake that begin a connection (RFC 8446, 4). */
#define TLS_CLIENT_HELLO 1
#define TLS_SERVER_HELLO 2

/* Are these first bytes of a connection a ClientHello, or the ServerHello that answers one? */
static __always_inline enum beginning tls_begins(__u64 word, __u32 known)
{
	__u32 message = word >> 40 & 0xff;

	if (known >= 6)
		return (word & 0xffff) == (TLS_HANDSHAKE_RECORD | TLS_MAJOR << 8) &&
				       (message == TLS_CLIENT_HELLO ||
					message == TLS_SERVER_HELLO) ?
			       BEGINS_REQUEST :
			       BEGINS_NOT;
	return lowest(word, known) == lowest(TLS_HANDSHAKE_RECORD | TLS_MAJOR << 8 |
						     (word & 0xffffff0000ull),
					     known) ?
		       MAY_BEGIN :
		       BEGINS_NOT;
}

/* Is what a call begins with a record of TLS? */
static __always_inline bool tls_resumes(const __u8 *bytes, __u32 known)
{
	return known >= 5 && bytes[0] >= TLS_ALERT && bytes[0] <= TLS_DATA &&
	       bytes[1] == TLS_MAJOR && bytes[2] <= 4 && bytes[3] <= 0x48;
}

/* A call of OpenSSL's: bits 0 and 1 of a probe's cookie. */
enum tls_call {
	TLS_NO_CALL,
	TLS_READ,
	TLS_WRITE,
	TLS_HANDSHAKE, /* no byte that TLS carries */
};

/* Where the function says how many bytes it has read or written: from bit 2 on. */
enum tls_length {
	LENGTH_RETURNED,
	LENGTH_AT_FOURTH, /* at the address in its fourth argument */
	LENGTH_AT_FIFTH,
};

/* What a thread does. */
struct tls_thread {
	__u64 ssl;
	__u64 buffer;
	__u64 length_at;
	__u64 received; /* the socket that it has received from outside of calls; 0: none new */
	__u32 call;	/* enum tls_call */
	__u32 reserved;
};

/* Threads that have called OpenSSL, or have received from a socket with TLS; until they end. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 32768);
	__type(key, __u32); /* tid */
	__type(value, struct tls_thread);
} tls_threads SEC(".maps");

/* What has been read or written. */
struct plaintext {
	struct connection *session; /* NULL: its socket is not known */
	__u64 buffer;
	__u64 bytes;
	__u64 direction;
};

#define MOST_BYTES (1u << 30) /* of a call; an int says how many */

struct session_key {
	__u64 ssl;
	__u64 tgid;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CONNECTIONS_MAX);
	__type(key, struct session_key);
	__type(value, struct connection);
} sessions SEC(".maps");

/*
 * Processes that may have files that are not known, for userspace: with a TLS connection of which
 * nothing is seen, or with a program that has not been executed lately.
 */
struct tls_notice {
	__u32 tgid;
	__u32 reserved;
};

EXPORT_RECORD(tls_notice);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} tls_notices SEC(".maps");

KERNEL_TYPES_BEGIN

struct linux_binprm {
	struct file *file;
};

KERNEL_TYPES_END

/* When each of them was reported last, CLOCK_MONOTONIC, ns. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 1024);
	__type(key, __u32); /* tgid */
	__type(value, __u64);
} tls_noticed SEC(".maps");

/* The same of programs that have been executed, by the address of their inode. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 4096);
	__type(key, __u64);
	__type(value, __u64);
} tls_programs SEC(".maps");

#define NOTICE_INTERVAL 10000000000ull

/*
 * A program on a function of userspace can be preempted, and another task's run on the same CPU:
 * each run takes one of these.
 */
#define TLS_SCRATCHES 4

struct tls_scratch {
	__u64 is_taken;
	struct scratch scratch;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, TLS_SCRATCHES);
	__type(key, __u32);
	__type(value, struct tls_scratch);
} tls_scratches SEC(".maps");

static __always_inline struct tls_scratch *take_scratch(void)
{
	struct tls_scratch *scratch;

	/* Unrolled: the verifier does not follow a counter that is a key on the stack, too. */
#pragma unroll
	for (int at = 0; at < TLS_SCRATCHES; at++) {
		__u32 index = at;

		scratch = bpf_map_lookup_elem(&tls_scratches, &index);
		if (scratch && !__sync_lock_test_and_set(&scratch->is_taken, 1))
			return scratch;
	}
	return NULL;
}

/* The session of an encrypted connection; NULL where there is none. */
static __always_inline struct connection *session_of(const struct connection *c)
{
	struct session_key key = { .ssl = c->session, .tgid = c->session_tgid };
	struct connection *session;

	if (!c->session_tgid)
		return NULL;
	session = bpf_map_lookup_elem(&sessions, &key);
	return session && session->sock == c->sock ? session : NULL;
}

/* The requests of a connection that ends. Global, so that it is verified once. */
__noinline int end_requests(struct connection *c, __u64 now)
{
	if (!c || c->protocol == PROTOCOL_UNKNOWN)
		return 0;
	end_direction(c, RECEIVED, now);
	end_direction(c, SENT, now);
	finish_waiting(c, c->is_reset ? ERROR_RESET : ERROR_CLOSED, now);
	return 0;
}

/* Ends the session of an encrypted connection. Global, so that it is verified once. */
__noinline int end_session(struct connection *c, __u64 now)
{
	struct session_key key = {};
	struct connection *session;

	if (!c)
		return 0;
	session = session_of(c);
	if (!session)
		return 0;
	session->is_reset = c->is_reset;
	end_requests(session, now);
	key.ssl = c->session;
	key.tgid = c->session_tgid;
	bpf_map_delete_elem(&sessions, &key);
	return 0;
}

/* How much has been seen of a TLS connection that ends. Apart, for its keys. */
static __noinline void count_sight(struct connection *c)
{
	struct flow_line *line = flow_line_of(&c->owner, kind_of(c));
	struct connection *session = session_of(c);
	enum tls_sight sight = TLS_UNSEEN;

	if (session)
		sight = session->is_late ? TLS_SEEN_LATE : TLS_SEEN;
	if (line)
		atomic_inc(&line->tls[sight]);
}

/* Gives an encrypted connection its session. `is_whole`: nothing has been carried before. */
__noinline int bind_session(struct connection *c, __u64 ssl, bool is_whole)
{
	struct session_key key = { .ssl = ssl, .tgid = current_tgid() };
	__u64 now = bpf_ktime_get_ns();
	struct connection *session;

	if (!c)
		return 0;
	end_session(c, now);
	/* The SSL may have been another socket's. */
	session = bpf_map_lookup_elem(&sessions, &key);
	if (session) {
		end_requests(session, now);
		bpf_map_delete_elem(&sessions, &key);
	}
	c->session = ssl;
	barrier();
	c->session_tgid = key.tgid;
	session = new_connection(&sessions, &key);
	if (!session)
		return 0;
	session->id = (__u64)session;
	session->sock = c->sock;
	session->is_unix = c->is_unix;
	session->directions[SENT].next_seq = c->directions[SENT].next_seq;
	session->tls = TLS_PLAINTEXT;
	if (!is_whole) {
		join_late(session);
		session->is_late = true;
	}
	return 0;
}

/* Reports the current process to userspace, once in a while for each key of a map. */
static __always_inline void report_process(void *map, const void *key)
{
	struct tls_notice notice = { .tgid = current_tgid() };
	__u64 now = bpf_ktime_get_ns();
	__u64 *last = bpf_map_lookup_elem(map, key);

	if (last && now - *last < NOTICE_INTERVAL)
		return;
	if (!bpf_ringbuf_output(&tls_notices, &notice, sizeof(notice), 0))
		bpf_map_update_elem(map, key, &now, BPF_ANY);
}

static __noinline void report_unseen(void)
{
	__u32 tgid = current_tgid();

	report_process(&tls_noticed, &tgid);
}

/* What the current thread does; NULL when as many threads are known as may be. */
static __noinline struct tls_thread *this_thread(void)
{
	struct tls_thread *thread, none = {};
	__u32 tid = current_tid();

	thread = bpf_map_lookup_elem(&tls_threads, &tid);
	if (thread)
		return thread;
	bpf_map_update_elem(&tls_threads, &tid, &none, BPF_NOEXIST);
	return bpf_map_lookup_elem(&tls_threads, &tid);
}

/* After a call on a socket whose bytes TLS has, or are opaque: finds the session by the call. */
static __noinline void follow_tls(struct connection *c, __u32 direction)
{
	struct tls_thread *thread;
	__u32 tid = current_tid();

	if (c->directions[direction & 1].mode != MODE_OPAQUE ||
	    (c->tls == NOT_TLS && c->protocol == PROTOCOL_UNKNOWN))
		return;
	thread = bpf_map_lookup_elem(&tls_threads, &tid);
	if (thread && thread->call) {
		if (c->session != thread->ssl || c->session_tgid != current_tgid())
			bind_session(c, thread->ssl,
				     thread->call == TLS_HANDSHAKE ||
					     (c->tls == TLS_ENCRYPTED_WHOLE && !c->receipts));
		return;
	}
	if (c->session_tgid || c->tls == NOT_TLS)
		return;
	if (c->receipts < 2)
		report_unseen();
	if (direction != RECEIVED)
		return;
	thread = this_thread();
	if (thread)
		thread->received = c->sock;
	if (c->receipts < 2)
		c->receipts++;
}

/* The first call after the program has received from a socket that has no session yet. */
static __always_inline void bind_by_order(struct tls_thread *thread)
{
	struct session_key key = { .ssl = thread->ssl, .tgid = current_tgid() };
	struct connection *c, *session;
	__u64 sock = thread->received;

	thread->received = 0;
	c = bpf_map_lookup_elem(&connections, &sock);
	if (!c || c->tls == NOT_TLS || c->session_tgid)
		return;
	session = bpf_map_lookup_elem(&sessions, &key);
	if (session && !session->is_closing)
		return;
	bind_session(c, thread->ssl, c->tls == TLS_ENCRYPTED_WHOLE && c->receipts <= 1);
}
