// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * l7: requests by protocol, operation, status and duration.
 *
 * Two programs see each call that sends on a socket or receives from one, after it has copied its
 * bytes and in its caller's context (sock_send_length and sock_recv_length, Linux 6.3;
 * 6e6eda44b939); on older kernels one sees it when it returns (returns.h). A state machine for each
 * direction of a connection finds where messages begin and end, and each request is counted when
 * its response ends. What the programs did not see, or could not read, the socket's sequence
 * numbers tell: docs/l7.md.
 *
 * Requires bpf_loop() (Linux 5.17; e6f2dd0f8067).
 */
#include <ringtap/core.h>
#include <ringtap/dispatch.h>
#include <ringtap/iter.h>
#include <ringtap/ring.h>
#include <ringtap/sock.h>

#include "call.h"
#include "connection.h"
#include "datagram.h"
#include "detect.h"
#include "finish.h"
#include "left_out.h"
#include "owner.h"
#include "protocols.h"
#include "reader.h"
#include "request_counts.h"
#include "tls.h"
#include "tls_go.h"
#include "unix.h"

/*
 * Are all programs attached? They are, one after another: what the first would count by then, the
 * others would have missed. Userspace sets it (src/engine/setup-changes.ts).
 */
volatile bool all_attached;

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
 * client, bytes_received a FIN. Another CPU may add to both of two numbers meanwhile, and adds
 * first to the one that is read first (tcp_snd_una_update(), tcp_rcv_nxt_update(),
 * net/ipv4/tcp_input.c), so that what comes out is too low then.
 */
static __noinline bool is_beginning(struct sock *sk, __u32 direction, __u32 bytes)
{
	struct tcp_sock *tcp = (void *)sk;
	__u64 acked = READ(tcp, bytes_acked), arrived = READ(tcp, bytes_received);
	__s64 sent, received;

	barrier();
	sent = acked + (__u32)(READ(tcp, write_seq) - READ(tcp, snd_una));
	received = arrived - (__u32)(READ(tcp, rcv_nxt) - READ(tcp, copied_seq));
	if (direction == SENT)
		sent -= bytes;
	else
		received -= bytes;
	return sent <= 1 && received <= 1;
}

/* A connection that is new, or that the agent has not seen before this call of so many bytes. */
static __noinline struct connection *insert_connection(struct sock *sk, __u32 direction,
						       __u32 bytes)
{
	__u64 key = (__u64)sk;
	struct connection *c = new_connection(&connections, &key);

	if (!c)
		return NULL;
	c->id = key;
	c->sock = key;
	c->directions[SENT].next_seq = sequence_of(sk, SENT) - (direction == SENT ? bytes : 0);
	c->directions[RECEIVED].next_seq =
		sequence_of(sk, RECEIVED) - (direction == RECEIVED ? bytes : 0);
	if (!is_beginning(sk, direction, bytes))
		join_late(c);
	return c;
}

/*
 * Takes the bytes of a call that lie in one piece of memory, which the scratch has. From there each
 * time: kept in the frame, they would cost stack.
 */
static __always_inline void take(struct connection *c, struct scratch *scratch, __u32 direction)
{
	struct direction *d = &c->directions[direction & 1];
	struct call_memory *memory = &scratch->memory;

	if (is_beginning_in(d)) {
		begin(c, scratch, direction);
		if (d->carry_len && c->protocol != PROTOCOL_UNKNOWN &&
		    !begins_in_carry(c->protocol))
			step_over_bytes(c, scratch, CARRIED, d->carry_len, direction);
	}
	switch (d->mode) {
	case MODE_DETECT:
	case MODE_PROXY_HEADER:
		break;
	case MODE_SYNC:
		scratch->skipped += READ_ONCE(memory->length);
		scratch->skipped_for = c->sync_reason;
		break;
	case MODE_OPAQUE:
		scratch->opaque += READ_ONCE(memory->length);
		break;
	default:
		step_over_bytes(c, scratch, READ_ONCE(memory->piece), READ_ONCE(memory->length),
				direction | REASON_UNREADABLE << 1);
	}
}

static long take_vector(__u32 index, struct reader *r)
{
	struct call_memory *memory = &r->scratch->memory;

	if (!memory->left || index >= memory->vectors)
		return 1;
	find_piece(memory, index);
	if (!memory->length)
		return 0;
	memory->left -= memory->length;
	take(r->c, r->scratch, r->scratch->direction);
	return 0;
}

static __always_inline void take_call(struct sock *sk, struct connection *c,
				      struct scratch *scratch, __u32 direction, __u32 bytes,
				      bool is_readable, bool returns)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct call_memory *memory = &scratch->memory;

	*memory = (struct call_memory){ .left = bytes };
	scratch->direction = direction;
	if (is_readable && !needs_no_bytes(c, direction, bytes))
		find_memory(memory, returns ? NULL : sk);
	if (c->directions[direction & 1].mode == MODE_SYNC)
		synchronize(c, scratch, direction | (__u64)bytes << 1);
	if (memory->vectors == 1 && memory->address) {
		take_vector(0, &r);
	} else if (memory->vectors && memory->address) {
		bpf_loop(MOST_VECTORS, take_vector, &r, 0);
	} else {
		memory->piece = memory->address;
		memory->length = bytes;
		take(c, scratch, direction);
	}
}

/* Bytes that no program saw. */
static __always_inline void take_gap(struct connection *c, struct scratch *scratch, __u32 direction,
				     __s32 bytes)
{
	if (bytes > 0 && c->protocol != PROTOCOL_UNKNOWN) {
		step_over_bytes(c, scratch, 0, bytes, direction | REASON_GAP << 1);
	} else if (is_beginning_in(&c->directions[direction & 1]) ||
		   c->protocol != PROTOCOL_UNKNOWN) {
		desynchronize(c, REASON_GAP);
	}
	if (bytes > 0)
		count_bytes(c, direction, BYTES_SKIPPED + REASON_GAP, bytes);
}

/* The same before the bytes of a call. Apart, since it is rare. */
static __noinline void take_gap_before(struct connection *c, __u32 direction, __s32 bytes)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &direction);

	if (scratch)
		take_gap(c, scratch, direction, bytes);
}

static __always_inline enum bytes opaque_kind(const struct connection *c)
{
	return c->tls == NOT_TLS || c->tls == TLS_PLAINTEXT ? BYTES_OPAQUE : BYTES_TLS;
}

static __always_inline void count_call(struct connection *c, struct scratch *scratch,
				       __u32 direction, __u32 bytes)
{
	if (scratch->opaque)
		count_bytes(c, direction, opaque_kind(c), scratch->opaque);
	if (scratch->skipped)
		count_bytes(c, direction, BYTES_SKIPPED + scratch->skipped_for, scratch->skipped);
	count_bytes(c, direction, BYTES_PARSED, bytes - scratch->opaque - scratch->skipped);
}

/* Counts the bytes of a call on a connection that cannot be kept. Apart, for its keys. */
static __noinline void count_unkept(__u32 direction, __u32 bytes, __u32 kind, enum reason reason)
{
	struct flow_line *line;
	struct actor_key owner;

	current_actor_key(&owner, 0);
	line = flow_line_of(&owner, kind);
	if (line)
		__sync_fetch_and_add(direction == SENT ? &line->sent[BYTES_SKIPPED + reason] :
							 &line->received[BYTES_SKIPPED + reason],
				     bytes);
}

static __always_inline bool may_have_sent_fin(struct sock *sk)
{
	__u8 state = READ(sk, __sk_common.skc_state);

	return state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT;
}

/* Takes what calls that no program saw have moved up to now. */
static __always_inline void take_missed(struct sock *sk, struct connection *c, __u32 direction,
					__u32 program)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &program);
	__s32 gap = sequence_of(sk, direction) - c->directions[direction].next_seq;

	/* Is it a FIN that was sent while l7_state was left out? */
	if (direction == SENT && gap == 1 && may_have_sent_fin(sk))
		return;
	if (gap <= 0 || !scratch)
		return;
	c->directions[direction].next_seq += gap;
	take_gap(c, scratch, direction, gap);
}

static __noinline void close_direction(struct sock *sk, struct connection *c, __u32 direction,
				       __u32 program)
{
	struct connection *session;

	if (!c->is_unix)
		take_missed(sk, c, direction, program);
	end_direction(c, direction, bpf_ktime_get_ns());
	session = tls_wanted ? session_of(c) : NULL;
	if (session) {
		end_direction(session, direction, bpf_ktime_get_ns());
		if (direction == SENT)
			session->is_closing = true;
	}
}

static __noinline void end_connection(struct sock *sk, struct connection *c)
{
	__u64 now = bpf_ktime_get_ns();

	if (tls_wanted && (c->tls != NOT_TLS || c->session_tgid)) {
		count_sight(c);
		end_session(c, now);
	}
	end_requests(c, now);
	delete_connection(sk);
}

/* Takes the bytes of a call on a connection. It `returns`, or is still under way. */
static __always_inline void take_bytes_of(struct sock *sk, struct connection *c, int ret, int flags,
					  __u32 direction, bool returns)
{
	struct scratch *scratch;

	if (c->directions[direction & 1].mode == MODE_OPAQUE) {
		count_bytes(c, direction, opaque_kind(c), ret);
		if (tls_wanted)
			follow_tls(c, direction);
		return;
	}
	scratch = bpf_map_lookup_elem(&scratches, &direction);
	if (!scratch)
		return;
	scratch->opaque = 0;
	scratch->skipped = 0;
	scratch->skipped_for = 0;
	take_call(sk, c, scratch, direction, ret, !(flags & MSG_TRUNC), returns);
	c->last_direction = direction;
	count_call(c, scratch, direction, ret);
	if (tls_wanted)
		follow_tls(c, direction);
}

/*
 * The connection of a TCP socket on which a call of so many bytes has moved the sequence number of
 * a direction; NULL when it cannot be kept, or has not carried as many.
 */
static __always_inline struct connection *follow_tcp(struct sock *sk, struct connection *c, int ret,
						     __u32 direction)
{
	__u32 sequence;
	__s32 moved, gap;

	if (!c)
		c = insert_connection(sk, direction, ret);
	if (!c) {
		count_unkept(direction, ret, 0, REASON_MAP_FULL);
		return NULL;
	}
	take_owner(c);
	sequence = sequence_of(sk, direction);
	moved = sequence - c->directions[direction & 1].next_seq;
	gap = moved - ret;
	c->directions[direction & 1].next_seq = sequence;
	if (gap < 0 && moved >= 0) {
		/*
		 * Some of the call's bytes have been taken as a gap before a call of another
		 * thread; or none of them are of this connection, to which another thread has
		 * given the descriptor of the call.
		 */
		take_gap_before(c, direction, -1);
		if (moved)
			count_bytes(c, direction, BYTES_SKIPPED + REASON_GAP, moved);
		return NULL;
	}
	if (gap && is_beginning(sk, direction, ret)) {
		/* The socket is another one than that which its memory held before. */
		end_connection(sk, c);
		c = insert_connection(sk, direction, ret);
		if (!c)
			return NULL;
		take_owner(c);
		c->directions[direction & 1].next_seq = sequence;
		gap = 0;
	}
	if (gap)
		take_gap_before(c, direction, gap);
	return c;
}

/* The connection of a Unix socket; NULL when there is none yet. */
static __always_inline struct connection *find_unix(struct sock *sk, __u64 cookie)
{
	struct connection *c = connection_of(sk);

	if (!c || (c->is_unix && c->id == cookie))
		return c;
	/* The memory was another socket's. */
	end_connection(sk, c);
	return NULL;
}

static __always_inline void take_unix(struct sock *sk, int ret, int flags, __u32 direction)
{
	__u64 cookie = bpf_get_socket_cookie(sk);
	struct connection *c = find_unix(sk, cookie);

	if (ret < 0) {
		if (c && ret == -ECONNRESET) {
			c->is_reset = true;
			end_connection(sk, c);
		}
		return;
	}
	if (!ret) {
		if (c && direction == RECEIVED && sk->sk_shutdown & RCV_SHUTDOWN) {
			take_owner(c);
			close_direction(sk, c, RECEIVED, IN_RECEIVE);
		}
		return;
	}
	if (!c)
		c = insert_unix(sk, cookie);
	if (!c) {
		count_unkept(direction, ret, WITHIN_UNIX, REASON_MAP_FULL);
		return;
	}
	take_owner(c);
	take_bytes_of(sk, c, ret, flags, direction, false);
}

/* Is a call on a connection left out? Its bytes are counted as such then. */
static __always_inline bool leave_out(struct sock *sk, int ret, __u32 direction)
{
	enum left_out_for reason = LEFT_OUT_FOR_PORT;

	if (!is_left_out(sk)) {
		if (!are_processes_chosen() || !is_process_left_out(direction))
			return false;
		reason = LEFT_OUT_FOR_PROCESS;
	}
	count_left_out(reason, direction, ret > 0 ? ret : 0);
	return true;
}

/* Calls whose bytes are none of the stream's that follow each other. */
#define BESIDE_STREAM (MSG_PEEK | MSG_OOB | MSG_ERRQUEUE)

/* Takes a call on a TCP socket. */
static __always_inline void take_tcp(struct sock *sk, int ret, int flags, __u32 direction,
				     bool returns)
{
	struct connection *c;

	if (ret < 0 || flags & BESIDE_STREAM || leave_out(sk, ret, direction))
		return;
	c = connection_of(sk);
	if (!ret) {
		/* The other end has sent all that it will. */
		if (c && direction == RECEIVED && READ(sk, sk_shutdown) & RCV_SHUTDOWN) {
			take_owner(c);
			close_direction(sk, c, RECEIVED, IN_RECEIVE);
		}
		return;
	}
	c = follow_tcp(sk, c, ret, direction);
	if (c)
		take_bytes_of(sk, c, ret, flags, direction, returns);
}

static __always_inline bool is_tcp(struct sock *sk)
{
	return READ(sk, sk_protocol) == IPPROTO_TCP && is_of_ip(sk);
}

/*
 * The same of a tracepoint's argument, which the verifier trusts: plain loads, where those by
 * READ() are compared with the bounds of the kernel's memory first.
 */
static __always_inline bool is_tcp_argument(struct sock *sk)
{
	__u16 family = sk->__sk_common.skc_family;

	return sk->sk_protocol == IPPROTO_TCP && (family == AF_INET || family == AF_INET6);
}

static __always_inline void take_message(struct sock *sk, int ret, int flags, __u32 direction)
{
	if (!all_attached)
		return;
	if (unix_wanted && is_unix(sk)) {
		if (!(flags & BESIDE_STREAM) && !leave_out(sk, ret, direction))
			take_unix(sk, ret, flags, direction);
	} else if (is_tcp_argument(sk)) {
		take_tcp(sk, ret, flags, direction, false);
	} else if (is_udp(sk) && are_questions_wanted() && !(flags & (MSG_PEEK | MSG_ERRQUEUE))) {
		take_datagram(sk, ret, flags, direction);
	}
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

#include "returns.h"

/* So that what no program sees of a connection is a gap, also at its beginning. */
static __always_inline void begin_connection(struct sock *sk, struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;

	/* A subflow's calls are those of its MPTCP socket. */
	if (bpf_core_field_exists(tcp->is_mptcp) && READ(tcp, is_mptcp))
		return;
	/* Data came or went with the SYN (TCP Fast Open): its call, if not seen yet, begins it. */
	if (!is_beginning(sk, SENT, 0))
		return;
	if (c)
		end_connection(sk, c);
	/* No task of the process has called yet. */
	if (!is_left_out(sk) && !are_processes_chosen())
		insert_connection(sk, SENT, 0);
}

static __noinline void take_all_missed(struct sock *sk, struct connection *c, __u32 program)
{
	take_missed(sk, c, RECEIVED, program);
	take_missed(sk, c, SENT, program);
}

/*
 * Does a process close the connection with SO_LINGER 0, or disconnect it? tcp_disconnect()
 * (net/ipv4/tcp.c) goes on to set all numbers anew, and no remote port.
 *
 * Else what has been moved may be a call's that is still to be seen when it returns: a reset, or
 * the last of a close, is taken in while another call holds the socket (tcp_reset() says so by
 * sk_err, tcp_time_wait() and the last ACK come after a FIN).
 */
static __always_inline bool is_ended_by_process(struct sock *sk, int from)
{
	return !sk->sk_err && (from == TCP_ESTABLISHED || from == TCP_CLOSE_WAIT);
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
	if (to == TCP_ESTABLISHED && all_attached)
		begin_connection(sk, c);
	if (!c)
		return 0;
	if (to == TCP_SYN_SENT) {
		end_connection(sk, c);
	} else if (to == TCP_CLOSE) {
		c->is_reset = sk->sk_err != 0;
		if (is_ended_by_process(sk, from))
			take_all_missed(sk, c, IN_STATE);
	} else if (to == TCP_FIN_WAIT1 || to == TCP_LAST_ACK) {
		close_direction(sk, c, SENT, IN_STATE);
		c->directions[SENT].next_seq++;
		/* tcp_close() sets it first: a server's FIN that comes later ends no response. */
		if (sk->sk_shutdown & RCV_SHUTDOWN && http_is_until_close(c))
			end_direction(c, RECEIVED, bpf_ktime_get_ns());
	}
	return 0;
}

SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(l7_destroy, struct sock *sk)
{
	struct connection *c = connection_of(sk);

	if (!c)
		return 0;
	/* Not if they are anew. */
	if (READ(sk, __sk_common.skc_dport))
		take_all_missed(sk, c, IN_DESTROY);
	end_connection(sk, c);
	return 0;
}

/* Behind the programs on tracepoints: a kernel without those says so first. */
#include "active.h"

#include "closed.h"

/*
 * Gives up the questions that have waited for too long, and ends connections whose sockets have
 * been closed. Userspace reads it from time to time; it runs for each of a few, and does so for the
 * first one.
 */
SEC("iter/bpf_map_elem")
int l7_unanswered(struct bpf_iter__bpf_map_elem *ctx)
{
	__u32 *key = ctx->key;

	if (key && !*key) {
		give_up_questions();
		end_closed_connections();
	}
	return 0;
}

/* A thread has ended. */
SEC("tp_btf/sched_process_exit")
int BPF_PROG(l7_exit, struct task_struct *task)
{
	__u32 tid = task->pid;

	bpf_map_delete_elem(&tls_threads, &tid);
	return 0;
}

/* A program begins: its file may be one that is to be attached to. */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(l7_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	__u64 inode = (__u64)bprm->file->f_inode;

	report_process(&tls_programs, &inode);
	return 0;
}

/* Takes what a function of a library of TLS has read or written. */
static __always_inline void take_plaintext(struct connection *session, __u64 buffer,
					   __u32 direction, __u64 bytes)
{
	struct tls_scratch *taken;
	struct scratch *scratch;

	if (are_processes_chosen() && is_process_left_out_here())
		return;
	if (!session) {
		count_unkept(direction, bytes, WITHIN_TLS, REASON_GAP);
		return;
	}
	take_owner(session);
	if (session->directions[direction & 1].mode == MODE_OPAQUE) {
		count_bytes(session, direction, BYTES_OPAQUE, bytes);
		return;
	}
	taken = take_scratch();
	if (!taken) {
		desynchronize(session, REASON_GAP);
		count_bytes(session, direction, BYTES_SKIPPED + REASON_GAP, bytes);
		return;
	}
	scratch = &taken->scratch;
	scratch->opaque = 0;
	scratch->skipped = 0;
	scratch->skipped_for = 0;
	scratch->memory = (struct call_memory){ .address = buffer, .left = bytes };
	if (session->directions[direction & 1].mode == MODE_SYNC)
		synchronize(session, scratch, direction | bytes << 1);
	scratch->memory.piece = buffer;
	scratch->memory.length = bytes;
	take(session, scratch, direction);
	session->last_direction = direction;
	count_call(session, scratch, direction, bytes);
	*(volatile __u64 *)&taken->is_taken = 0;
}

static __always_inline void enter_tls(struct pt_regs *ctx)
{
	struct session_key key = { .ssl = function_argument(ctx, 0), .tgid = current_tgid() };
	__u64 fourth = function_argument(ctx, 3), fifth = function_argument(ctx, 4);
	__u64 cookie = bpf_get_attach_cookie(ctx);
	struct tls_thread *thread = this_thread();
	struct connection *session;

	/* Else one of them is loaded from a place that is computed, which the verifier refuses. */
	asm volatile("" : "+r"(fourth), "+r"(fifth));
	if (!thread) {
		session = bpf_map_lookup_elem(&sessions, &key);
		if (session)
			desynchronize(session, REASON_MAP_FULL);
		return;
	}
	thread->ssl = key.ssl;
	thread->buffer = function_argument(ctx, 1);
	switch (cookie >> 2) {
	case LENGTH_AT_FOURTH:
		thread->length_at = fourth;
		break;
	case LENGTH_AT_FIFTH:
		thread->length_at = fifth;
		break;
	default:
		thread->length_at = 0;
	}
	thread->call = cookie & 3;
	if (thread->received)
		bind_by_order(thread);
}

/* What a function of OpenSSL's that returns has read or written; `bytes` 0 for nothing. */
static __always_inline void find_plaintext(struct pt_regs *ctx, struct plaintext *found)
{
	struct session_key key = { .tgid = current_tgid() };
	__u32 tid = current_tid(), call;
	struct tls_thread *thread = bpf_map_lookup_elem(&tls_threads, &tid);
	__s32 returned = function_result(ctx);
	__u64 bytes = returned;

	if (!thread)
		return;
	call = thread->call;
	thread->call = TLS_NO_CALL;
	if (returned <= 0 || (call != TLS_READ && call != TLS_WRITE))
		return;
	if (thread->length_at)
		bpf_probe_read_user(&bytes, sizeof(bytes), (void *)thread->length_at);
	key.ssl = thread->ssl;
	found->session = bpf_map_lookup_elem(&sessions, &key);
	found->buffer = thread->buffer;
	found->direction = call == TLS_WRITE ? SENT : RECEIVED;
	found->bytes = bytes;
}

SEC("uprobe.multi")
int tls_enter(struct pt_regs *ctx)
{
	__u64 start = run_begins();

	enter_tls(ctx);
	run_ends(start);
	return 0;
}

/* At returns of OpenSSL's functions, and at places of programs of Go: one, since it is verified. */
SEC("uprobe.multi")
int tls_carried(struct pt_regs *ctx)
{
	__u64 start = run_begins(), cookie = bpf_get_attach_cookie(ctx);
	struct plaintext found = {};

	if (cookie & GO_PLACE)
		find_go_plaintext(ctx, cookie, &found);
	else
		find_plaintext(ctx, &found);
	if (found.bytes && found.bytes <= MOST_BYTES)
		take_plaintext(found.session, found.buffer, found.direction, found.bytes);
	run_ends(start);
	return 0;
}

LICENSE;
