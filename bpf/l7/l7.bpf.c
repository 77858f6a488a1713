// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * l7: requests of HTTP, by method, status and duration.
 *
 * Two programs see each call that sends on a socket or receives from one, after it has copied its
 * bytes and in its caller's context. A state machine for each direction of a connection finds where
 * messages begin and end, and each request is counted when its response ends. What the programs
 * did not see, or could not read, the socket's sequence numbers tell: docs/l7.md.
 *
 * Requires sock_send_length and sock_recv_length (Linux 6.3; 6e6eda44b939).
 */
#include <ringtap/core.h>
#include <ringtap/ring.h>
#include <ringtap/sock.h>

#include "call.h"
#include "connection.h"
#include "finish.h"
#include "http.h"
#include "reader.h"
#include "request_counts.h"

static __always_inline bool is_tcp(struct sock *sk)
{
	return (sk->__sk_common.skc_family == AF_INET || sk->__sk_common.skc_family == AF_INET6) &&
	       sk->sk_protocol == IPPROTO_TCP;
}

/* The sequence number behind the last byte of a direction that has been sent or received. */
static __always_inline __u32 sequence_of(struct sock *sk, __u32 direction)
{
	struct tcp_sock *tcp = (void *)sk;
	__u32 copied;

	if (direction == SENT)
		return READ(tcp, write_seq);
	copied = READ(tcp, copied_seq);
	/* Less a FIN that has been received (tcp_fin(), net/ipv4/tcp_input.c) and read. */
	return copied - (copied == READ(tcp, rcv_nxt) && has_flag(sk, SOCK_DONE));
}

/*
 * Has the connection carried nothing before a call of so many bytes? bytes_acked has the SYN of a
 * client, bytes_received a FIN.
 */
static __always_inline bool is_beginning(struct sock *sk, __u32 direction, __u32 bytes)
{
	struct tcp_sock *tcp = (void *)sk;
	__u64 sent = READ(tcp, bytes_acked) + (__u32)(READ(tcp, write_seq) - READ(tcp, snd_una));
	__u64 received =
		READ(tcp, bytes_received) - (__u32)(READ(tcp, rcv_nxt) - READ(tcp, copied_seq));

	if (direction == SENT)
		sent -= bytes;
	else
		received -= bytes;
	return sent <= 1 && received <= 1;
}

/* A connection that is new, or that the agent has not seen before this call of so many bytes. */
static __always_inline struct connection *insert_connection(struct sock *sk, __u32 direction,
							    __u32 bytes)
{
	__u64 key = (__u64)sk;
	struct connection *c;

	if (bpf_map_update_elem(&connections, &key, &no_connection, BPF_NOEXIST))
		return NULL;
	c = bpf_map_lookup_elem(&connections, &key);
	if (!c)
		return NULL;
	c->id = key;
	c->directions[SENT].next_seq = sequence_of(sk, SENT) - (direction == SENT ? bytes : 0);
	c->directions[RECEIVED].next_seq =
		sequence_of(sk, RECEIVED) - (direction == RECEIVED ? bytes : 0);
	if (is_beginning(sk, direction, bytes))
		return c;
	c->directions[SENT].mode = MODE_SYNC;
	c->directions[RECEIVED].mode = MODE_SYNC;
	c->sync_reason = REASON_JOINED_LATE;
	c->last_direction = ~0;
	return c;
}

static __always_inline void begin_http(struct connection *c, __u32 requests)
{
	c->protocol = PROTOCOL_HTTP;
	c->role = requests == RECEIVED ? ROLE_SERVER : ROLE_CLIENT;
	c->directions[RECEIVED].mode = HTTP_FIRST;
	c->directions[SENT].mode = HTTP_FIRST;
}

/* Which protocol is it, by the first bytes of a connection? */
__noinline int detect(struct connection *c, __u32 direction, __u64 address, __u64 bytes)
{
	struct direction *d;
	__u32 known, more, method;
	__u64 word = 0;

	if (!c)
		return 0;
	d = &c->directions[direction & 1];
	known = d->carry_len & 7;
	more = bytes < 8 - known ? bytes : 8 - known;
	if (!address || bpf_probe_read_user(&word, more & 15, (void *)address)) {
		method = 0;
	} else {
		word = d->carry[0] | word << (8 * known);
		method = method_of(word, known + more);
		/* The call that sends the request may not have returned yet. */
		if (known + more >= 7 && lowest(word, 7) == RESPONSE) {
			begin_http(c, direction ^ 1);
			return 0;
		}
		if (lowest(word, known + more) == lowest(RESPONSE, known + more))
			method = MAY_BE_METHOD;
	}
	if (method == MAY_BE_METHOD) {
		d->carry[0] = word;
		d->carry_len = known + more;
		return 0;
	}
	if (method) {
		begin_http(c, direction);
		return 0;
	}
	c->directions[RECEIVED].mode = MODE_OPAQUE;
	c->directions[SENT].mode = MODE_OPAQUE;
	return 0;
}

/*
 * Does a request begin with this call? Tried when the direction turns, since only then a request
 * can follow what has been skipped, unless it is one of a pipeline.
 */
__noinline int synchronize(struct connection *c, __u32 direction, __u64 address, __u64 bytes)
{
	__u64 word = 0;
	__u32 method;

	if (!c || c->last_direction == direction || !address || bytes < BEGINNING ||
	    bpf_probe_read_user(&word, sizeof(word), (void *)address))
		return 0;
	method = method_of(word, 8);
	if (method) {
		begin_http(c, direction);
	} else if (c->sync_reason == REASON_JOINED_LATE && c->protocol == PROTOCOL_UNKNOWN &&
		   lowest(word, 7) == RESPONSE) {
		c->protocol = PROTOCOL_HTTP;
		c->role = direction == SENT ? ROLE_SERVER : ROLE_CLIENT;
		count_lost(c, REASON_JOINED_LATE, 1);
	}
	return 0;
}

struct vectors {
	struct connection *c;
	struct scratch *scratch;
	struct call_memory memory;
	__u64 left;
	__u32 direction;
	__u32 reserved;
};

/* Takes the bytes of a call that lie in one piece of memory. */
static __always_inline void take(struct connection *c, struct scratch *scratch, __u64 address,
				 __u64 bytes, __u32 direction)
{
	if (c->directions[direction & 1].mode == MODE_DETECT)
		detect(c, direction, address, bytes);
	if (c->directions[direction & 1].mode == MODE_DETECT)
		return;
	http_take(c, scratch, address, bytes, direction | REASON_UNREADABLE << 1);
}

static long take_vector(__u32 index, struct vectors *vectors)
{
	__u64 address, length;

	if (!vectors->left || index >= vectors->memory.vectors)
		return 1;
	if (!read_vector(&vectors->memory, index, &address, &length)) {
		address = 0;
		length = vectors->left;
	}
	if (length > vectors->left)
		length = vectors->left;
	if (!length)
		return 0;
	take(vectors->c, vectors->scratch, address, length, vectors->direction);
	vectors->left -= length;
	return 0;
}

/* Vectors of a call: UIO_MAXIOV, include/uapi/linux/uio.h. */
#define MOST_VECTORS 1024

static __always_inline void take_call(struct sock *sk, struct connection *c,
				      struct scratch *scratch, __u32 direction, __u32 bytes,
				      bool is_readable)
{
	struct vectors vectors = {
		.c = c, .scratch = scratch, .left = bytes, .direction = direction
	};

	if (is_readable && !http_needs_no_bytes(c, direction, bytes))
		find_memory(&vectors.memory, sk);
	if (c->directions[direction & 1].mode == MODE_SYNC) {
		__u64 address = vectors.memory.address, length = bytes;

		if (vectors.memory.vectors && !read_vector(&vectors.memory, 0, &address, &length))
			address = 0;
		synchronize(c, direction, address, length < bytes ? length : bytes);
	}
	if (vectors.memory.vectors && vectors.memory.address)
		bpf_loop(MOST_VECTORS, take_vector, &vectors, 0);
	else
		take(c, scratch, vectors.memory.address, bytes, direction);
}

/* Bytes that no program saw. */
static __always_inline void take_gap(struct connection *c, struct scratch *scratch, __u32 direction,
				     __s32 bytes)
{
	if (bytes > 0 && c->protocol != PROTOCOL_UNKNOWN) {
		http_take(c, scratch, 0, bytes, direction | REASON_GAP << 1);
	} else if (c->directions[direction & 1].mode == MODE_DETECT ||
		   c->protocol != PROTOCOL_UNKNOWN) {
		desynchronize(c, REASON_GAP);
	}
	if (bytes > 0)
		count_bytes(c, direction, BYTES_SKIPPED + REASON_GAP, bytes);
}

static __always_inline void count_call(struct connection *c, struct scratch *scratch,
				       __u32 direction, __u32 bytes)
{
	count_bytes(c, direction, BYTES_OPAQUE, scratch->opaque);
	count_bytes(c, direction, BYTES_SKIPPED + scratch->skipped_for, scratch->skipped);
	count_bytes(c, direction, BYTES_PARSED, bytes - scratch->opaque - scratch->skipped);
}

/* Counts the bytes of a call on a connection that cannot be kept. */
static __always_inline void count_unkept(__u32 direction, __u32 bytes)
{
	struct flow_line *line;
	struct actor_key owner;

	current_actor_key(&owner, 0);
	line = flow_line_of(&owner, 0);
	if (line)
		__sync_fetch_and_add(direction == SENT ?
					     &line->sent[BYTES_SKIPPED + REASON_MAP_FULL] :
					     &line->received[BYTES_SKIPPED + REASON_MAP_FULL],
				     bytes);
}

/* Takes what calls that no program saw have moved up to now. */
static __always_inline void take_missed(struct sock *sk, struct connection *c, __u32 direction,
					__u32 program)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &program);
	__s32 gap = sequence_of(sk, direction) - c->directions[direction].next_seq;

	/* Is it a FIN that was sent while l7_state was left out? */
	if (program == IN_DESTROY && direction == SENT && gap == 1)
		return;
	if (gap <= 0 || !scratch)
		return;
	c->directions[direction].next_seq += gap;
	take_gap(c, scratch, direction, gap);
}

static __always_inline void close_direction(struct sock *sk, struct connection *c, __u32 direction,
					    __u32 program)
{
	take_missed(sk, c, direction, program);
	if (c->protocol == PROTOCOL_HTTP)
		http_end(c, direction, bpf_ktime_get_ns());
}

static __always_inline void end_connection(struct sock *sk, struct connection *c)
{
	__u64 now = bpf_ktime_get_ns();

	if (c->protocol == PROTOCOL_HTTP) {
		http_end(c, RECEIVED, now);
		http_end(c, SENT, now);
		finish_waiting(c, c->is_reset ? ERROR_RESET : ERROR_CLOSED, now);
	}
	delete_connection(sk);
}

static __always_inline void take_message(struct sock *sk, int ret, int flags, __u32 direction)
{
	struct scratch *scratch;
	struct connection *c;
	__u32 sequence;
	__s32 gap;

	if (ret < 0 || flags & (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE) || !is_tcp(sk))
		return;
	c = connection_of(sk);
	if (!ret) {
		/* The other end has sent all that it will. */
		if (c && direction == RECEIVED && sk->sk_shutdown & RCV_SHUTDOWN) {
			current_actor_key(&c->owner, 0);
			close_direction(sk, c, RECEIVED, IN_RECEIVE);
		}
		return;
	}
	if (!c)
		c = insert_connection(sk, direction, ret);
	if (!c) {
		count_unkept(direction, ret);
		return;
	}
	current_actor_key(&c->owner, 0);
	scratch = bpf_map_lookup_elem(&scratches, &direction);
	if (!scratch)
		return;
	sequence = sequence_of(sk, direction);
	gap = sequence - ret - c->directions[direction & 1].next_seq;
	c->directions[direction & 1].next_seq = sequence;
	scratch->opaque = 0;
	scratch->skipped = 0;
	scratch->skipped_for = 0;
	if (gap && is_beginning(sk, direction, ret)) {
		/* The socket is another one than that which its memory held before. */
		end_connection(sk, c);
		c = insert_connection(sk, direction, ret);
		if (!c)
			return;
		current_actor_key(&c->owner, 0);
		c->directions[direction & 1].next_seq = sequence;
		gap = 0;
	}
	if (gap)
		take_gap(c, scratch, direction, gap);
	if (c->directions[direction & 1].mode == MODE_OPAQUE) {
		count_bytes(c, direction, BYTES_OPAQUE, ret);
		return;
	}
	scratch->opaque = 0;
	scratch->skipped = 0;
	take_call(sk, c, scratch, direction, ret, !(flags & MSG_TRUNC));
	c->last_direction = direction;
	count_call(c, scratch, direction, ret);
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(l7_send, struct sock *sk, int ret, int flags)
{
	take_message(sk, ret, flags, SENT);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(l7_receive, struct sock *sk, int ret, int flags)
{
	take_message(sk, ret, flags, RECEIVED);
	return 0;
}

/* So that what no program sees of a connection is a gap, also at its beginning. */
static __always_inline void begin_connection(struct sock *sk, struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;

	/* A subflow's calls are those of its MPTCP socket. */
	if (bpf_core_field_exists(tcp->is_mptcp) && READ(tcp, is_mptcp))
		return;
	/* Data may have come with the SYN (TCP Fast Open). */
	if (c && !is_beginning(sk, SENT, 0))
		return;
	if (c)
		end_connection(sk, c);
	insert_connection(sk, SENT, 0);
}

/*
 * A response that ends with the connection ends when this end begins to close it. (Fires before the
 * state is stored: inet_sk_state_store(), net/ipv4/af_inet.c; and before a FIN has its number:
 * tcp_close_state(), tcp_send_fin().)
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(l7_state, struct sock *sk, int from, int to)
{
	struct connection *c;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	c = connection_of(sk);
	if (to == TCP_ESTABLISHED)
		begin_connection(sk, c);
	if (!c)
		return 0;
	if (to == TCP_SYN_SENT) {
		end_connection(sk, c);
	} else if (to == TCP_CLOSE) {
		c->is_reset = sk->sk_err != 0;
	} else if (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK) {
		close_direction(sk, c, SENT, IN_STATE);
		c->directions[SENT].next_seq++;
	}
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(l7_destroy, struct sock *sk)
{
	struct connection *c = connection_of(sk);

	if (!c)
		return 0;
	/* tcp_disconnect() has set all numbers anew. */
	if (!is_beginning(sk, SENT, 0)) {
		take_missed(sk, c, RECEIVED, IN_DESTROY);
		take_missed(sk, c, SENT, IN_DESTROY);
	}
	end_connection(sk, c);
	return 0;
}

LICENSE;
