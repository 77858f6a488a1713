// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * udp: datagrams and bytes by process and peer, errors, and what does not fit into queues.
 *
 * Two programs see each message that a process sends on a socket or receives from one, in its own
 * context: those of sendmmsg(2) and recvmmsg(2) and of io_uring among them, since all of them go
 * through sock_sendmsg() and sock_recvmsg() (net/socket.c). They need Linux 6.3 (6e6eda44b939).
 * No other tracepoint tells a datagram's process: those of packets run in interrupts, and a
 * program on control groups (cgroup_skb) would need CAP_NET_ADMIN and a place in each hierarchy.
 *
 * Counts are those of /proc/net/snmp and snmp6: the kernel counts a datagram as received when it
 * is read (udp_recvmsg()), and one whose queue is full as an error (__udp_queue_rcv_skb()).
 */
#include <ringtap/core.h>
#include <ringtap/endpoints.h>
#include <ringtap/ring.h>
#include <ringtap/sock.h>
#include <ringtap/socket_owner.h>

#include "arrivals.h"
#include "datagram_counts.h"
#include "unfinished.h"

#define IPPROTO_UDP 17
#define SOCK_DGRAM 2

/* include/linux/socket.h */
#define MSG_PEEK 2
#define MSG_ERRQUEUE 0x2000

#define EAGAIN 11
#define EINTR 4
#define ERESTARTSYS 512
#define ERESTART_LAST 516 /* ERESTART_RESTARTBLOCK */

/* Are datagrams counted? In `ringtap trace`, no one reads counts. */
const volatile bool counting = true;

/* Are there records of failures? Userspace changes it while the programs run. */
volatile bool records_wanted;

struct udp_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	struct actor actor;
	struct endpoints endpoints; /* the remote one is empty on a socket that is not connected */
	enum udp_kind kind;
	__u32 error; /* errno */
};

EXPORT_RECORD(udp_event);

static __always_inline bool is_udp(struct sock *sk)
{
	return sk->sk_protocol == IPPROTO_UDP && sk->sk_type == SOCK_DGRAM &&
	       (sk->__sk_common.skc_family == AF_INET || sk->__sk_common.skc_family == AF_INET6);
}

static __always_inline void send_record(struct sock *sk, const struct actor_key *key, __u32 tid)
{
	struct udp_event *event = reserve(sizeof(*event));
	__u32 number = key->process.pair >> 32;

	if (!event)
		return;
	event->time = bpf_ktime_get_ns();
	event->actor.tgid = key->process.pair;
	event->actor.tid = tid;
	__builtin_memcpy(event->actor.comm, key->comm, COMM_LEN);
	__builtin_memcpy(event->actor.thread_comm, key->comm, COMM_LEN);
	event->actor.cgroup = key->cgroup;
	endpoints_of_sock(&event->endpoints, sk);
	event->kind = number >> KIND_SHIFT & 3;
	event->error = number >> ERROR_SHIFT;
	submit(event);
}

/* Counts what has failed, under a key whose number says what and how. */
static __noinline int count_failure(struct sock *sk, struct udp_key *key, __u32 tid)
{
	bool has_record = records_wanted;
	struct udp_line *line;

	if (counting) {
		line = udp_line_of(key);
		if (!line) {
			count_map_full();
			return 0;
		}
		atomic_inc(&line->failed);
		if (has_record)
			atomic_inc(&line->with_record);
	}
	if (has_record)
		send_record(sk, &key->actor, tid);
	return 0;
}

static __always_inline void count_call_failure(struct sock *sk, enum udp_kind kind, int error)
{
	struct udp_key key = {};

	current_actor_key(&key.actor, error << ERROR_SHIFT | kind << KIND_SHIFT | family_bit(sk));
	count_failure(sk, &key, current_tid());
}

/* The line of the current process's datagrams, of a key with their peer. */
static __always_inline struct udp_line *current_line(struct sock *sk, struct udp_key *key)
{
	struct udp_line *line;

	current_actor_key(&key->actor, UDP_CARRIED << KIND_SHIFT | family_bit(sk));
	line = udp_line_of(key);
	if (!line)
		count_map_full();
	return line;
}

SEC("tp_btf/sock_send_length")
int BPF_PROG(udp_send, struct sock *sk, int ret, int flags)
{
	struct udp_key key = {};
	struct udp_line *line;
	bool is_part;

	if (!is_udp(sk))
		return 0;
	is_part = is_unfinished(sk);
	if (corked && !is_part)
		delete_unfinished(sk);
	if (ret < 0) {
		if (by_peer)
			end_datagrams();
		count_call_failure(sk, UDP_SEND_FAILED, -ret);
		return 0;
	}
	if (!counting)
		return 0;
	if (by_peer)
		destination(&key.peer, sk);
	if (corked && is_part)
		keep_unfinished(sk, &key.peer);
	line = current_line(sk, &key);
	if (!line)
		return 0;
	if (!is_part)
		atomic_inc(&line->sent);
	__sync_fetch_and_add(&line->sent_bytes, ret);
	return 0;
}

SEC("tp_btf/sock_recv_length")
int BPF_PROG(udp_receive, struct sock *sk, int ret, int flags)
{
	struct udp_key key = {};
	struct udp_line *line;

	if (!is_udp(sk) || flags & (MSG_PEEK | MSG_ERRQUEUE))
		return 0;
	if (ret < 0) {
		/* Nothing has come yet. */
		if (ret == -EAGAIN || ret == -EINTR ||
		    (ret <= -ERESTARTSYS && ret >= -ERESTART_LAST))
			return 0;
		count_call_failure(sk, UDP_RECEIVE_FAILED, -ret);
		return 0;
	}
	if (!counting || (by_peer && keep_arrival(sk, ret)))
		return 0;
	if (by_peer)
		peer_of_sock(&key.peer, sk);
	line = current_line(sk, &key);
	if (!line)
		return 0;
	atomic_inc(&line->received);
	__sync_fetch_and_add(&line->received_bytes, ret);
	return 0;
}

/* What a datagram that no call to send has completed counts. */
static __always_inline void count_completed(struct pt_regs *regs)
{
	struct udp_key key = {};
	struct udp_line *line;
	struct sock *sk;

	sk = completed_sock(regs, &key.peer);
	line = sk ? current_line(sk, &key) : NULL;
	if (line)
		atomic_inc(&line->sent);
}

/*
 * What is left to count when a call returns. A kernel that refuses the program, for want of
 * bpf_loop(), has no sock_send_length and sock_recv_length either.
 */
SYSCALL_EXIT(udp_returned, struct pt_regs *regs, long ret)
{
	if (by_peer)
		count_kept_arrivals();
	if (corked && has_unfinished && ret >= 0)
		count_completed(regs);
}

/* IPv6's datagrams since 6.5 only (8139dccd464a). */
SEC("tp_btf/udp_fail_queue_rcv_skb")
int BPF_PROG(udp_queue_full, int error, struct sock *sk)
{
	struct udp_key key = {};

	if (!is_udp(sk))
		return 0;
	socket_key(&key.actor, sk,
		   -error << ERROR_SHIFT | UDP_QUEUE_FULL << KIND_SHIFT | family_bit(sk));
	count_failure(sk, &key, 0);
	return 0;
}

/* Userspace reads it for the sockets whose queue was full. */
SEC("iter/task_file")
int udp_sockets(struct bpf_iter__task_file *ctx)
{
	return write_socket_owner(ctx);
}

LICENSE;
