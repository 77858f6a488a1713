// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tcp: active opens and their outcome, accepts, connections while they live and when they end,
 * resets.
 *
 * State changes often run in softirq, on somebody else's task, so the owner is remembered per
 * socket: the process that called connect(2), when the socket enters SYN_SENT in its context; the
 * process that called accept(2), when that call returns.
 *
 * An active open ends in exactly one record:
 *   SYN_SENT → ESTABLISHED                established
 *   SYN_SENT → CLOSE, sk_err set          refused, timed_out, unreachable, reset, … by sk_err
 *   SYN_SENT → CLOSE, sk_err 0            aborted: the program closed the socket; or connect(2)
 *                                         is undoing the attempt (tcp_v4_connect's `failure`
 *                                         label): then by its return value, at sys_exit
 *   connect(2) fails, never in SYN_SENT   by the return value, at sys_exit
 *
 * Since Linux 6.1 no program runs within itself on a CPU (05b24ff9b2cf, "bpf: Prevent bpf program
 * recursion for raw tracepoint probes"): what a softirq does to a socket while it interrupts
 * tcp_state() on behalf of another one, tcp_state() does not see. The phase stays behind until
 * connect(2), getsockopt(2) or the socket's end make up for it.
 */
#include "connection.h"
#include <ringtap/core.h>
#include <ringtap/endpoints.h>
#include <ringtap/iter.h>
#include "outcome.h"
#include <ringtap/ring.h>
#include <ringtap/sock.h>
#include <ringtap/syscall.h>

enum tcp_event_kind {
	TCP_EVENT_CONNECT, /* an active open has ended, well or not */
	TCP_EVENT_ACCEPT,
	TCP_EVENT_CLOSE, /* a connection has ended */
	TCP_EVENT_RESET_SENT,
	TCP_EVENT_RESET_RECEIVED,
};

/* A connection as it stands; counts are totals since the agent has known it. */
struct tcp_sample {
	__u32 connection[2]; /* the socket's address; with start it names the connection */
	__u32 start[2];	     /* SYN sent or accept returned, ns, low word first; 0: open before */
	__u64 sent;	     /* payload bytes, retransmissions left out */
	__u64 received;	     /* payload bytes, in order */
	__u32 retransmits;   /* segments, SYN and SYN-ACK included */
	__u32 rtt_us;	     /* smoothed round-trip time, microseconds; 0: none measured */
	__u32 state;	     /* as include/net/tcp_states.h numbers them */
	enum tcp_role role;
	enum tcp_phase phase;
	__u32 reserved;
	struct actor actor;
	struct endpoints ends;
};

struct tcp_event {
	__u64 time;	/* CLOCK_MONOTONIC, ns */
	__u64 duration; /* connect: SYN to outcome; closed: lifetime, 0 when unknown; ns */
	struct tcp_sample sample;
	enum tcp_event_kind kind;
	enum tcp_result result; /* connect */
	__u32 error;		/* connect: the errno behind the result, 0 when established */
	__u32 reserved_end;
};

EXPORT_RECORD(tcp_event);
EXPORT_RECORD(tcp_sample);

static __always_inline void describe_sample(struct tcp_sample *sample, struct sock *sk,
					    struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;
	struct traffic traffic = traffic_of(sk);
	__u64 address = address_of(sk);

	__builtin_memcpy(sample->connection, &address, sizeof(address));
	__builtin_memcpy(sample->start, &c->start, sizeof(c->start));
	sample->sent = traffic.sent - c->base_sent;
	sample->received = traffic.received - c->base_received;
	sample->retransmits = traffic.retransmits - c->base_retransmits;
	sample->rtt_us = BPF_CORE_READ(tcp, srtt_us) >> 3;
	sample->state = BPF_CORE_READ(sk, __sk_common.skc_state);
	sample->role = c->role;
	sample->phase = c->phase;
	sample->reserved = 0;
	sample->actor = c->actor;
	endpoints_of_sock(&sample->ends, sk);
}

static __always_inline struct tcp_event *begin(struct sock *sk, struct connection *c, __u32 kind)
{
	struct tcp_event *event = reserve(sizeof(*event));

	if (!event)
		return NULL;
	event->time = bpf_ktime_get_ns();
	event->duration = c->start ? event->time - c->start : 0;
	describe_sample(&event->sample, sk, c);
	event->reserved_end = 0;
	event->kind = kind;
	event->result = RESULT_ESTABLISHED;
	event->error = 0;
	return event;
}

static __always_inline void report(struct sock *sk, struct connection *c, __u32 kind)
{
	struct tcp_event *event = begin(sk, c, kind);

	if (event)
		submit(event);
}

static __always_inline void report_failure(struct sock *sk, struct connection *c, __u32 error,
					   __u64 sockaddr)
{
	struct tcp_event *event = begin(sk, c, TCP_EVENT_CONNECT);

	if (!event)
		return;
	event->result = error ? result_of(error) : RESULT_ABORTED;
	event->error = error;
	if (sockaddr)
		remote_of_sockaddr(&event->sample.ends, sockaddr);
	submit(event);
}

/* In process context: tcp_v4_connect() and tcp_v6_connect() run on their caller's task. */
static __always_inline void begin_connect(struct sock *sk)
{
	struct connection c = {
		.start = bpf_ktime_get_ns(),
		.connecting_tid = current_tid(),
		.role = ROLE_CLIENT,
		.phase = PHASE_CONNECTING,
	};

	actor_of(&c.actor, current_task());
	remember(sk, &c, BPF_ANY);
}

static __always_inline void end_connect(struct sock *sk, struct connection *c)
{
	__u32 error = BPF_CORE_READ(sk, sk_err);

	/*
	 * An ICMP error that was put off because the socket was in use (tcp_v4_err()); a program
	 * that has read it gives up.
	 */
	if (!error)
		error = BPF_CORE_READ(sk, sk_err_soft);
	if (!error)
		error = c->error_read;
	c->phase = PHASE_CLOSED;
	if (!error && c->connecting_tid == current_tid()) {
		c->undone = true;
		return;
	}
	c->error_unread = true;
	report_failure(sk, c, error, 0);
}

static __always_inline void end_established(struct sock *sk, struct connection *c)
{
	c->phase = PHASE_OPEN;
	report(sk, c, TCP_EVENT_CONNECT);
}

/* An active open has ended, some time before its socket did. */
static __always_inline void end_late(struct sock *sk, struct connection *c)
{
	struct tcp_sock *tcp = (void *)sk;

	/* A SYN is acknowledged, and by that counted, only on the way to ESTABLISHED. */
	if (BPF_CORE_READ(tcp, bytes_acked))
		end_established(sk, c);
	else
		end_connect(sk, c);
}

/* Does a socket in this state have a connection? */
static __always_inline bool is_open(int state)
{
	return state != TCP_SYN_SENT && state != TCP_SYN_RECV && state != TCP_CLOSE;
}

/*
 * Fires under the socket's lock, before the state is stored (inet_sk_state_store(),
 * net/ipv4/af_inet.c).
 */
SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(tcp_state, struct sock *sk, int from, int to)
{
	struct connection *c;

	if (sk->sk_protocol != IPPROTO_TCP)
		return 0;
	if (to == TCP_SYN_SENT) {
		begin_connect(sk);
		return 0;
	}
	if (to != TCP_ESTABLISHED && to != TCP_CLOSE)
		return 0;
	c = connection_of(sk);
	if (!c)
		return 0;
	if (c->phase == PHASE_CONNECTING) {
		if (to == TCP_ESTABLISHED)
			end_established(sk, c);
		else
			end_late(sk, c);
	}
	if (c->phase == PHASE_OPEN && to == TCP_CLOSE) {
		c->phase = PHASE_CLOSED;
		report(sk, c, TCP_EVENT_CLOSE);
	}
	return 0;
}

/*
 * A connection that closed while accept(2) was returning is still PHASE_OPEN here: its state change
 * came before the socket was known, or between tcp_accepted()'s two looks.
 */
SEC("tp_btf/tcp_destroy_sock")
int BPF_PROG(tcp_destroy, struct sock *sk)
{
	struct connection *c = connection_of(sk);

	if (!c)
		return 0;
	if (c->phase == PHASE_CONNECTING)
		end_late(sk, c);
	if (c->phase == PHASE_OPEN)
		report(sk, c, TCP_EVENT_CLOSE);
	forget(sk);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(tcp_reset_received, struct sock *sk)
{
	struct connection *c = connection_of(sk);

	if (c)
		report(sk, c, TCP_EVENT_RESET_RECEIVED);
	return 0;
}

/*
 * `sk` is NULL where the kernel answers for a port that nobody has: no process's doing, and not
 * counted.
 */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(tcp_reset_sent, struct sock *sk)
{
	struct connection *c = connection_of(sk);

	if (sk && c)
		report(sk, c, TCP_EVENT_RESET_SENT);
	return 0;
}

static __always_inline void connect_returned(struct sock *sk, long error, __u64 sockaddr)
{
	int state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct connection *c = connection_of(sk);
	struct connection never_sent = { .role = ROLE_CLIENT };
	bool undone = false, reported = false;

	if (c) {
		undone = c->undone;
		reported = c->error_unread || c->phase != PHASE_CLOSED;
		c->connecting_tid = 0;
		c->undone = false;
	}
	switch (error) {
	case EINPROGRESS: /* the attempt goes on, or its error waits for the next call */
	case EALREADY:
	case ERESTARTSYS ... ERESTART_RESTARTBLOCK:
		return;
	}
	if (c)
		c->error_unread = false;
	if (c && c->phase == PHASE_CONNECTING) {
		/* tcp_state() has not seen the outcome. */
		if (is_open(state) || !error || error == EISCONN) {
			end_established(sk, c);
		} else if (state == TCP_CLOSE) {
			c->phase = PHASE_CLOSED;
			undone = true;
		}
	}
	if (undone) {
		report_failure(sk, c, error, sockaddr);
	} else if (!reported && error && error != EISCONN) {
		actor_of(&never_sent.actor, current_task());
		report_failure(sk, &never_sent, error, sockaddr);
	}
}

static __always_inline void tcp_accepted(struct sock *sk)
{
	struct connection c = { .start = bpf_ktime_get_ns(),
				.role = ROLE_SERVER,
				.phase = PHASE_OPEN };
	struct connection *kept;

	actor_of(&c.actor, current_task());
	report(sk, &c, TCP_EVENT_ACCEPT);
	if (!remember(sk, &c, BPF_ANY) || BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_CLOSE)
		return;
	/*
	 * It was reset in the accept queue. Where tcp_state() has seen that, it is PHASE_CLOSED
	 * already.
	 */
	kept = connection_of(sk);
	if (kept && kept->phase == PHASE_OPEN) {
		kept->phase = PHASE_CLOSED;
		report(sk, kept, TCP_EVENT_CLOSE);
	}
}

/*
 * getsockopt(2) has told a program of an error, or that there is none. SO_ERROR clears sk_err_soft,
 * so it cannot be found there later.
 */
static __always_inline void error_was_read(struct sock *sk, __u64 value)
{
	int state = BPF_CORE_READ(sk, __sk_common.skc_state);
	struct connection *c = connection_of(sk);
	int error = 0;

	if (!c || c->phase != PHASE_CONNECTING)
		return;
	if (is_open(state))
		end_established(sk, c);
	else if (!bpf_probe_read_user(&error, sizeof(error), (void *)value))
		c->error_read = error;
}

/* Runs at the end of every system call: everything but a few leaves at the first test. */
SEC("tp_btf/sys_exit")
int BPF_PROG(tcp_sys_exit, struct pt_regs *regs, long ret)
{
	struct sock *sk;

	switch (unmarked_syscall_nr(regs)) {
	case NR_CONNECT:
	case NR_ACCEPT:
	case NR_ACCEPT4:
	case NR_GETSOCKOPT:
	case COMPAT_CONNECT & ~COMPAT_BIT:
	case COMPAT_ACCEPT4 & ~COMPAT_BIT:
	case COMPAT_GETSOCKOPT & ~COMPAT_BIT:
		break;
	default:
		return 0;
	}
	switch (syscall_nr(regs)) {
	case NR_CONNECT:
	case COMPAT_CONNECT:
		sk = tcp_sock_of(file_of(syscall_arg(regs, 0)));
		if (sk)
			connect_returned(sk, -ret, syscall_arg(regs, 1));
		break;
	case NR_ACCEPT:
	case NR_ACCEPT4:
	case COMPAT_ACCEPT4:
		sk = ret < 0 ? NULL : tcp_sock_of(file_of(ret));
		if (sk)
			tcp_accepted(sk);
		break;
	case NR_GETSOCKOPT:
	case COMPAT_GETSOCKOPT:
		if (ret < 0 || syscall_arg(regs, 1) != SOL_SOCKET ||
		    syscall_arg(regs, 2) != SO_ERROR)
			break;
		sk = tcp_sock_of(file_of(syscall_arg(regs, 0)));
		if (sk)
			error_was_read(sk, syscall_arg(regs, 3));
		break;
	}
	return 0;
}

/*
 * The census: one tcp_sample for each connection remembered, when userspace reads it. Where the end
 * of a socket was not seen, its memory may be anybody's by now: that is no open connection.
 */
SEC("iter/bpf_map_elem")
int tcp_census(struct bpf_iter__bpf_map_elem *ctx)
{
	__u64 *key = ctx->key;
	struct connection *c = ctx->value;
	struct tcp_sample sample = {};

	if (!key || !c)
		return 0;
	describe_sample(&sample, (struct sock *)*key, c);
	if (!is_tcp_sock((struct sock *)*key))
		sample.phase = PHASE_CLOSED;
	bpf_seq_write(ctx->meta->seq, &sample, sizeof(sample));
	return 0;
}

/*
 * Adopts the connections that were open before the agent, in every network namespace; userspace
 * reads it once, after attaching. The first process found holding a socket is its owner. An
 * accepted socket is a copy of its listener, whose sk_max_ack_backlog it keeps
 * (inet_csk_clone_lock()); a connecting one has 0 there.
 */
SEC("iter/task_file")
int tcp_adopt(struct bpf_iter__task_file *ctx)
{
	struct connection c = { .phase = PHASE_OPEN };
	struct task_struct *task = ctx->task;
	struct file *file = ctx->file;
	struct traffic traffic;
	struct sock *sk;
	__u8 state;

	if (!task || !file)
		return 0;
	sk = tcp_sock_of(file);
	if (!sk)
		return 0;
	state = BPF_CORE_READ(sk, __sk_common.skc_state);
	if (state != TCP_ESTABLISHED && state != TCP_CLOSE_WAIT)
		return 0;
	traffic = traffic_of(sk);
	c.base_sent = traffic.sent;
	c.base_received = traffic.received;
	c.base_retransmits = traffic.retransmits;
	c.role = BPF_CORE_READ(sk, sk_max_ack_backlog) ? ROLE_SERVER : ROLE_CLIENT;
	actor_of(&c.actor, task);
	remember(sk, &c, BPF_NOEXIST);
	return 0;
}

LICENSE;
