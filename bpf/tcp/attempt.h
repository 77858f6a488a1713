/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Active opens. An attempt is what sends a SYN, whichever call asks for it, and it ends in exactly
 * one record:
 *   SYN_SENT → ESTABLISHED                established
 *   SYN_SENT → CLOSE, sk_err set          refused, timed_out, unreachable, reset, … by sk_err
 *   SYN_SENT → CLOSE, sk_err 0            aborted: by close(2), shutdown(2), connect(2) with
 *                                         AF_UNSPEC, or the end of the process
 *
 * A socket can be in SYN_SENT without a SYN: with TCP_FASTOPEN_CONNECT until the first write, and
 * while connect(2) fails later than that (tcp_v4_connect(), `failure`). It then leaves SYN_SENT
 * without a record. What connect(2) itself refuses without a SYN is a record of its own, at
 * sys_exit, by the value that it returns.
 */
#pragma once

#include <ringtap/socket_call.h>

#include "records.h"

#define NSEC_PER_MSEC 1000000ull

/* Threads in connect(2) whose attempt has ended: so many are told apart. A power of two. */
#define ENDED_THREADS 4096

/* In a mark of such a thread, beside its tid: the attempt was established. */
#define WAS_ESTABLISHED 0x80000000u

/*
 * By the low bits of its tid: a mark of a thread whose attempt has ended, and was counted, while it
 * is in the connect(2) that began it. The descriptor may be another socket's by the time it
 * returns, and of what has succeeded nothing more needs to be known.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENDED_THREADS);
	__type(key, __u32);
	__type(value, __u32);
} ended_threads SEC(".maps");

static __always_inline __u32 *ended_thread(__u32 tid)
{
	__u32 place = tid & (ENDED_THREADS - 1);

	return bpf_map_lookup_elem(&ended_threads, &place);
}

/* Marks the thread that is in the connect(2) of this attempt, if one is. */
static __always_inline void mark_thread(struct connection *c, __u32 outcome)
{
	__u32 *thread;

	if (!c->connecting_tid)
		return;
	thread = ended_thread(c->connecting_tid);
	if (thread)
		*thread = c->connecting_tid | outcome;
}

/* connect(2) returns 0: was its attempt established where tcp_state() has seen it? */
static __always_inline bool was_established(void)
{
	__u32 tid = current_tid(), *thread = ended_thread(tid);

	if (!thread || *thread != (tid | WAS_ESTABLISHED))
		return false;
	*thread = 0;
	return true;
}

/*
 * The process that began an attempt is the caller; of an MPTCP subflow that the kernel's own thread
 * adds (__mptcp_subflow_connect()), it is that of the first subflow.
 */
static __always_inline void set_attempt_actor(struct connection *c, struct sock *sk)
{
	struct task_struct *task = current_task();
	struct connection *first = NULL;
	struct sock *mptcp;

	if (READ(task, flags) & PF_KTHREAD) {
		mptcp = mptcp_sock_of(sk);
		first = mptcp ? connection_of(first_subflow(mptcp)) : NULL;
	}
	if (first) {
		c->actor = first->actor;
		c->process_start = first->process_start;
	} else {
		actor_of(&c->actor, task);
		c->process_start = current_process().start;
	}
}

/* Is the current task in connect(2)? False before Linux 5.15, which cannot tell. */
static __always_inline bool is_in_connect(void)
{
	struct pt_regs *regs;
	__u32 nr;

	if (!bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_task_pt_regs))
		return false;
	regs = (void *)bpf_task_pt_regs(bpf_get_current_task_btf());
	nr = socket_call_nr(regs, is_compat());
	return nr == NR_CONNECT || nr == COMPAT_CONNECT;
}

/* In process context: tcp_v4_connect() and tcp_v6_connect() run on their caller's task. */
static __always_inline void begin_connect(struct sock *sk)
{
	struct tcp_sock *tcp = (void *)sk;
	__u64 now = bpf_ktime_get_ns();
	struct connection c = {
		.start = now,
		.opened = now,
		.connecting_tid = is_in_connect() ? current_tid() : 0,
		.earlier_una = READ(tcp, snd_una),
		.role = ROLE_CLIENT,
		.phase = PHASE_CONNECTING,
	};

	set_attempt_actor(&c, sk);
	insert_connection(sk, &c, BPF_ANY);
}

/*
 * Has tcp_connect() counted the attempt in ActiveOpens? It sets snd_una to a sequence number that
 * is new to the socket (tcp_connect_init()), and snd_nxt to the one after the SYN when it has
 * counted. For SYN_SENT and SYN_RECV, and on the way out of them.
 */
static __always_inline bool has_sent_syn(struct sock *sk, struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;
	__u32 una = READ(tcp, snd_una);

	return una != c->earlier_una && una != READ(tcp, snd_nxt);
}

/*
 * Sets `opened` to when the SYN was sent, which with TCP_FASTOPEN_CONNECT is some time after
 * connect(2). The SYN is the last segment that was sent; if it was retransmitted, its first time is
 * known to the millisecond (tcp_connect(), retrans_stamp). Not of an attempt older than the agent.
 */
static __always_inline void open_at_syn(struct sock *sk, struct connection *c, __u64 now)
{
	struct tcp_sock *tcp = (void *)sk;
	__u64 sent = READ(tcp, tcp_wstamp_ns);
	__u64 earliest = c->opened;
	__u32 age;

	if (READ(tcp, total_retrans)) {
		age = (__u32)(now / NSEC_PER_MSEC) - READ(tcp, retrans_stamp);
		sent = now - age * NSEC_PER_MSEC;
		earliest += 2 * NSEC_PER_MSEC;
	}
	if (c->opened && sent > earliest && sent < now)
		c->opened = sent;
}

/* The first byte that an attempt sends is known: now, also of one that is older than the agent. */
static __always_inline void count_from(struct connection *c, __u32 seq)
{
	c->base_sent = 0;
	c->first_seq = seq;
}

static __always_inline void end_established(struct sock *sk, struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;

	/* A SYN is acknowledged before. With TCP_REPAIR none was sent (tcp_connect()). */
	bool has_syn = READ(tcp, bytes_acked);
	__u64 now;

	count_from(c, first_seq(sk) + has_syn);
	c->phase = PHASE_OPEN;
	if (!has_syn)
		return;
	now = bpf_ktime_get_ns();
	open_at_syn(sk, c, now);
	/* What it was compared with there would have the verifier walk the rest several times. */
	report_established(sk, c, unknown(now));
}

/* `returned` is what connect(2) has returned, where that is the only sign left of the outcome. */
static __always_inline void end_failed(struct sock *sk, struct connection *c, __u32 returned)
{
	__u32 error = READ(sk, sk_err);
	__u64 now = bpf_ktime_get_ns();

	count_from(c, first_seq(sk) + 1);
	c->phase = PHASE_CLOSED;
	c->error_unread = error;
	/*
	 * An ICMP error that was put off because the socket was in use (tcp_v4_err()); a program
	 * that has read it gives up.
	 */
	if (!error)
		error = READ(sk, sk_err_soft);
	if (!error)
		error = c->error_read;
	if (!error)
		error = returned;
	mark_thread(c, 0);
	open_at_syn(sk, c, now);
	report_failure(sk, c, error, now);
}

/* An attempt has ended: its socket closes, maybe some time later. */
static __always_inline void end_connect(struct sock *sk, struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;

	if (READ(tcp, bytes_acked))
		end_established(sk, c);
	else if (has_sent_syn(sk, c))
		end_failed(sk, c, 0);
	else
		c->phase = PHASE_CLOSED;
}

/* Does a socket in this state have a connection? */
static __always_inline bool is_open(int state)
{
	return state != TCP_SYN_SENT && state != TCP_SYN_RECV && state != TCP_CLOSE;
}

/* Does connect(2) return this because an attempt, or a call without one, has ended so? */
static __always_inline bool is_outcome(__u32 error)
{
	switch (error) {
	case 0:
	case EISCONN:
	case EALREADY:
	case EINPROGRESS:
	case EINTR:
	case ERESTARTSYS ... ERESTART_RESTARTBLOCK:
	case ECONNABORTED: /* another thread or call has read the error */
	case EPIPE:	   /* the same, since Linux 6.7 */
		return false;
	default:
		return true;
	}
}

/* Can it return this where no SYN was sent? */
static __always_inline bool precedes_syn(__u32 error)
{
	return is_outcome(error) && error != ETIMEDOUT && error != ECONNRESET;
}

/*
 * Has an attempt ended unseen by tcp_state()? On another CPU it may run at this
 * moment, and the state is stored after it: so the phase, in which it leaves that it has run, is
 * read after the `state`.
 */
static __always_inline bool is_unseen(struct connection *c, bool has_ended)
{
	return has_ended && READ_ONCE(c->phase) == PHASE_CONNECTING;
}

/*
 * connect(2) has returned to the current thread; `sk` is what the descriptor now stands for. An
 * attempt's error reaches one call only, of whichever thread (sock_error()).
 */
static __always_inline void connect_returned(struct sock *sk, __u32 error, __u64 sockaddr)
{
	__u32 tid = current_tid(), *thread = ended_thread(tid);
	struct connection *c = connection_of(sk);
	struct tcp_sock *tcp = (void *)sk;
	bool counted = false, acked, sent;
	int state;

	if (thread && (*thread & ~WAS_ESTABLISHED) == tid) {
		counted = *thread == tid;
		*thread = 0;
	}
	if (c && c->connecting_tid == tid)
		c->connecting_tid = 0;
	if (c && c->phase == PHASE_CONNECTING) {
		/* Before the state, so that they are not those of an attempt that just begins. */
		acked = READ(tcp, bytes_acked);
		sent = has_sent_syn(sk, c);
		state = READ(sk, __sk_common.skc_state);
		if (is_unseen(c, is_open(state) || (acked && state == TCP_CLOSE))) {
			end_established(sk, c);
			return;
		}
		if (is_unseen(c, sent && state == TCP_CLOSE)) {
			end_failed(sk, c, is_outcome(error) ? error : 0);
			return;
		}
	}
	if (c && error && c->error_unread == error) {
		c->error_unread = 0;
		return;
	}
	if (!counted && precedes_syn(error))
		report_unsent(sk, error, sockaddr);
}

/*
 * getsockopt(2) has returned a socket's error to a program, or that there is none. SO_ERROR clears
 * sk_err_soft, so it cannot be found there later.
 */
static __always_inline void error_was_read(struct sock *sk, __u64 value)
{
	int state = READ(sk, __sk_common.skc_state);
	struct connection *c = connection_of(sk);
	int error = 0;

	if (!c || c->phase == PHASE_OPEN)
		return;
	if (is_unseen(c, is_open(state)))
		end_established(sk, c);
	else if (bpf_probe_read_user(&error, sizeof(error), (void *)value))
		return;
	else if (c->phase == PHASE_CONNECTING)
		c->error_read = error;
	else if (c->error_unread == error)
		c->error_unread = 0;
}
