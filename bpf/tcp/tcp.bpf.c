// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * tcp: active opens and their outcome, accepts, connections while they live and when they end,
 * resets.
 *
 * State changes often run in softirq, on an unrelated task, so the owner is kept per socket: the
 * process that began the active open, when the socket enters SYN_SENT in its context; the process
 * that called accept(2), when that call returns. How an active open ends: attempt.h.
 *
 * Since Linux 6.1 no program runs within itself on a CPU (05b24ff9b2cf, "bpf: Prevent bpf program
 * recursion for raw tracepoint probes"): what a softirq does to a socket while it interrupts
 * tcp_state() on behalf of another one, tcp_state() does not see. The phase stays behind until
 * connect(2), getsockopt(2) or the socket's end make up for it.
 */
#include <ringtap/core.h>
#include <ringtap/dispatch.h>
#include <ringtap/sock.h>
#include <ringtap/socket_call.h>

#include "accepting.h"
#include "attempt.h"
#include "connection.h"
#include "discover.h"
#include "records.h"
#include "resets.h"
#include "snapshot.h"
#include "strays.h"
#include "traffic.h"

static __always_inline void state_changes(struct sock *sk, int from, int to)
{
	struct process_id process;
	struct connection *c;

	if (sk->sk_protocol != IPPROTO_TCP)
		return;
	if (to == TCP_SYN_SENT) {
		begin_connect(sk);
		return;
	}
	if (to == TCP_LISTEN) {
		process = current_process();
		insert_listener(sk, &process);
		return;
	}
	if (from == TCP_SYN_RECV && to == TCP_ESTABLISHED && is_plain_unaccepted(sk))
		return;
	if (from == TCP_LISTEN)
		end_listener(sk);
	c = connection_of(sk);
	if (!c) {
		if (to == TCP_ESTABLISHED && from == TCP_SYN_RECV)
			keep_unaccepted(sk);
		return;
	}
	if (c->phase == PHASE_CONNECTING) {
		if (to == TCP_ESTABLISHED) {
			mark_thread(c, WAS_ESTABLISHED);
			end_established(sk, c);
		} else {
			end_connect(sk, c);
		}
	}
	if (c->phase == PHASE_OPEN && to == TCP_CLOSE) {
		report_close(sk, c);
		if ((from == TCP_FIN_WAIT1 || from == TCP_FIN_WAIT2) && has_flag(sk, SOCK_DEAD))
			keep_ended(sk, c);
	}
}

/* States that matter here. Half of the changes are to others: they are not even timed. */
#define STATES_OF_INTEREST \
	(1u << TCP_SYN_SENT | 1u << TCP_LISTEN | 1u << TCP_ESTABLISHED | 1u << TCP_CLOSE)

/*
 * Fires under the socket's lock, before the state is stored (inet_sk_state_store(),
 * net/ipv4/af_inet.c).
 */
SEC("tp_btf/inet_sock_set_state")
int tcp_state(unsigned long long *ctx)
{
	int to = (int)ctx[2];
	__u64 began;

	if (!(STATES_OF_INTEREST >> (to & 31) & 1))
		return 0;
	began = run_begins();
	state_changes((void *)ctx[0], (int)ctx[1], to);
	run_ends(began);
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
		end_connect(sk, c);
	if (c->phase == PHASE_OPEN) {
		skip_unseen_fin(sk, c);
		report_close(sk, c);
	}
	delete_connection(sk);
	return 0;
}

SEC("tp_btf/tcp_receive_reset")
int BPF_PROG(tcp_reset_received, struct sock *sk)
{
	struct connection *c = owned_connection_of(sk);

	struct undecided_reset reset = {};

	if (!c)
		return 0;
	reset.time = bpf_ktime_get_ns();
	describe_ended(&reset.of, sk, c);
	if (is_undecided(sk))
		defer_reset(sk, &reset);
	else
		report_received(&reset);
	return 0;
}

/*
 * `sk` is NULL where the kernel answers for a port without a socket (since Linux 6.10); there no
 * entry is found, also on kernels whose verifier takes it for a socket always. `skb` is the packet
 * that the RST replies to, NULL for one that replies to none.
 */
SEC("tp_btf/tcp_send_reset")
int BPF_PROG(tcp_reset_sent, struct sock *sk, void *skb)
{
	struct ended_connection of;
	struct connection *c;

	if (!sk) {
		count_stray(NULL, STRAY_RESET_SENT);
		return 0;
	}
	c = owned_connection_of(sk);
	if (!address_of(skb) || !pop_undecided(sk, &of)) {
		if (c) {
			describe_ended(&of, sk, c);
		} else if (!find_ended(sk, &of)) {
			count_stray_reset(sk);
			return 0;
		}
	}
	report_reset(&of.sample, of.process_start, TCP_EVENT_RESET_SENT, bpf_ktime_get_ns(),
		     of.opened);
	return 0;
}

SEC("tp_btf/tcp_retransmit_synack")
int BPF_PROG(tcp_synack_retransmitted, struct sock *sk, struct request_sock *req)
{
	count_synack_retransmit(sk, req);
	return 0;
}

static __always_inline void tcp_accepted(struct sock *sk)
{
	__u64 now = bpf_ktime_get_ns();
	struct connection c = {
		.start = now, .opened = now, .role = ROLE_SERVER, .phase = PHASE_OPEN
	};
	struct tcp_sock *tcp = (void *)sk;
	struct connection *kept;

	c.first_seq = first_seq(sk);
	if (READ(tcp, total_retrans)) {
		kept = connection_of(sk);
		if (kept && kept->phase == PHASE_UNACCEPTED)
			c.base_retransmits = kept->base_retransmits;
	}
	actor_of(&c.actor, current_task());
	c.process_start = current_process().start;
	report_accept(sk, &c, now);
	if (!insert_connection(sk, &c, BPF_ANY) || READ(sk, __sk_common.skc_state) != TCP_CLOSE)
		return;
	/*
	 * It was reset in the accept queue. Where tcp_state() has seen that, it is PHASE_CLOSED
	 * already.
	 */
	kept = connection_of(sk);
	if (kept && kept->phase == PHASE_OPEN)
		report_close(sk, kept);
}

static __always_inline void connect_call_returned(struct pt_regs *regs, long ret)
{
	bool compat;
	struct sock *sk;

	if (!ret && was_established())
		return;
	compat = is_compat();
	sk = tcp_sock_of(file_of(socket_call_arg(regs, 0, compat)));
	if (sk)
		connect_returned(sk, errno_of(ret), socket_call_arg(regs, 1, compat));
}

static __always_inline struct sock *accepted_sock(long ret)
{
	return ret < 0 ? NULL : tcp_sock_of(file_of(ret));
}

static __always_inline void getsockopt_returned(struct pt_regs *regs, long ret)
{
	bool compat = is_compat();
	struct sock *sk;

	if (ret < 0 || socket_call_arg(regs, 1, compat) != SOL_SOCKET ||
	    socket_call_arg(regs, 2, compat) != SO_ERROR)
		return;
	sk = tcp_sock_of(file_of(socket_call_arg(regs, 0, compat)));
	if (sk)
		error_was_read(sk, socket_call_arg(regs, 3, compat));
}

/* The numbers are those of `syscalls` in src/signals/tcp/signal.ts. */
SYSCALL_EXIT(tcp_sys_exit, struct pt_regs *regs, long ret)
{
	struct sock *sk;

	switch (socket_call_nr(regs, is_compat())) {
	case NR_CONNECT:
	case COMPAT_CONNECT:
		connect_call_returned(regs, ret);
		break;
	case NR_ACCEPT:
	case NR_ACCEPT4:
	case COMPAT_ACCEPT:
	case COMPAT_ACCEPT4:
		sk = accepted_sock(ret);
		if (sk)
			tcp_accepted(sk);
		break;
	case NR_GETSOCKOPT:
	case COMPAT_GETSOCKOPT:
		getsockopt_returned(regs, ret);
		break;
	}
}

static __always_inline void accept_returned(struct pt_regs *regs, long ret)
{
	struct sock *sk = accepted_sock(ret);

	if (sk && !is_counted_accept(sk))
		tcp_accepted(sk);
}

#if defined(__TARGET_ARCH_x86)
static __always_inline void socketcall_returned(struct pt_regs *regs, long ret)
{
	switch (socket_call_nr(regs, true)) {
	case COMPAT_CONNECT:
		connect_call_returned(regs, ret);
		break;
	case COMPAT_ACCEPT:
	case COMPAT_ACCEPT4:
		accept_returned(regs, ret);
		break;
	case COMPAT_GETSOCKOPT:
		getsockopt_returned(regs, ret);
		break;
	}
}
#endif

/* The same at the return of one call alone. */
CALL_RETURN(tcp_connect, NATIVE_FUNCTION(connect), connect_call_returned)
CALL_RETURN(tcp_accept, NATIVE_FUNCTION(accept), accept_returned)
CALL_RETURN(tcp_accept4, NATIVE_FUNCTION(accept4), accept_returned)
CALL_RETURN(tcp_getsockopt, NATIVE_FUNCTION(getsockopt), getsockopt_returned)
#if defined(__TARGET_ARCH_x86)
CALL_RETURN(tcp_connect_32, OTHER_FUNCTION(connect), connect_call_returned)
CALL_RETURN(tcp_accept4_32, OTHER_FUNCTION(accept4), accept_returned)
CALL_RETURN(tcp_getsockopt_32, OTHER_FUNCTION(getsockopt), getsockopt_returned)
CALL_RETURN(tcp_socketcall_32, COMPAT_FUNCTION(socketcall), socketcall_returned)
#endif

/* In accept(2), the connection becomes the process's (sock_graft(), include/net/sock.h). */
SEC("fentry/security_sock_graft")
int BPF_PROG(tcp_graft, struct sock *sk)
{
	sk = has_accepting ? tcp_sock_behind(sk) : NULL;
	if (sk && begins_unseen_accept(sk))
		tcp_accepted(sk);
	return 0;
}

LICENSE;
