// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tcp: active opens and their outcome, accepts, connections while they live and when they end,
 * resets.
 *
 * State changes often run in softirq, on an unrelated task, so the owner is kept per socket: the
 * process that called connect(2), when the socket enters SYN_SENT in its context; the process that
 * called accept(2), when that call returns.
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
#include <ringtap/core.h>
#include <ringtap/sock.h>
#include <ringtap/syscall.h>

#include "connection.h"
#include "discover.h"
#include "records.h"
#include "resets.h"
#include "snapshot.h"

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
	insert_connection(sk, &c, BPF_ANY);
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
	struct tcp_sample sample;

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
		describe_sample(&sample, sk, c);
		report_sample(&sample, TCP_EVENT_CLOSE, bpf_ktime_get_ns());
		if ((from == TCP_FIN_WAIT1 || from == TCP_FIN_WAIT2) && has_flag(sk, SOCK_DEAD))
			keep_ended(sk, &sample);
	}
	return 0;
}

/*
 * A connection that closed while accept(2) was returning is still PHASE_OPEN here: its state change
 * came before the socket was known, or between tcp_accepted()'s two reads of it.
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
	delete_connection(sk);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(tcp_reset_received, struct sock *sk)
{
	struct connection *c = connection_of(sk);

	struct undecided_reset reset = {};

	if (!c)
		return 0;
	reset.time = bpf_ktime_get_ns();
	describe_sample(&reset.sample, sk, c);
	if (is_undecided(sk))
		defer_reset(sk, &reset);
	else
		report_sample(&reset.sample, TCP_EVENT_RESET_RECEIVED, reset.time);
	return 0;
}

/*
 * `sk` is NULL where the kernel answers for a port without a socket: no process's doing, and not
 * counted; there nothing is found either, on kernels whose verifier takes it for a socket always.
 * `skb` is the packet that the RST replies to, NULL for one that replies to none.
 */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(tcp_reset_sent, struct sock *sk, void *skb)
{
	struct tcp_sample sample;
	struct connection *c;

	if (!sk)
		return 0;
	c = connection_of(sk);
	if (!address_of(skb) || !pop_undecided(sk, &sample)) {
		if (c)
			describe_sample(&sample, sk, c);
		else if (!find_ended(sk, &sample))
			return 0;
	}
	report_sample(&sample, TCP_EVENT_RESET_SENT, bpf_ktime_get_ns());
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
	if (!insert_connection(sk, &c, BPF_ANY) ||
	    BPF_CORE_READ(sk, __sk_common.skc_state) != TCP_CLOSE)
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
 * getsockopt(2) has returned a socket's error to a program, or that there is none. SO_ERROR clears
 * sk_err_soft, so it cannot be found there later.
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
#if defined(__TARGET_ARCH_arm64)
	case COMPAT_ACCEPT & ~COMPAT_BIT:
#endif
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
#if defined(__TARGET_ARCH_arm64)
	case COMPAT_ACCEPT: /* 32-bit x86 has accept(2) in socketcall(2) only */
#endif
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

LICENSE;
