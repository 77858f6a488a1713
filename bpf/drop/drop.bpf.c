// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * drop: packets that the kernel drops, by its own reason, and by whose socket they were.
 *
 * kfree_skb() is what the kernel frees a packet with that it drops, consume_skb() what it does with
 * others. It gives the reason since Linux 5.17 (c504e5c2f964), the socket that was to receive the
 * packet since 6.11 (c53795d48ee8); that which sent it, the packet knows until it is received. The
 * names of reasons are read from the running kernel's types (kernelEnum()).
 *
 * Messages of Unix and netlink sockets are freed by the same functions, whether or not they were
 * delivered. They have no protocol and are left out.
 */
#include <ringtap/core.h>
#include <ringtap/ring.h>
#include <ringtap/socket_owner.h>

#include "drop_counts.h"
#include "packet.h"

/* Are packets counted? In `ringtap trace`, no one reads counts. */
const volatile bool counting = true;

/* Are there records? Userspace changes it while the programs run. */
volatile bool records_wanted;

struct drop_event {
	__u64 time;	    /* CLOCK_MONOTONIC, ns */
	struct actor actor; /* the control group is the socket's; the process is not known */
	char device[16];    /* that it came by or was to leave by; empty when there was none yet */
	__u32 bytes;
	__u32 number; /* as in a line's key */
	struct packet_ends ends;
};

EXPORT_RECORD(drop_event);

static __always_inline enum drop_protocol protocol_of(__u16 protocol)
{
	switch (bpf_ntohs(protocol)) {
	case ETH_P_IP:
		return PROTOCOL_IPV4;
	case ETH_P_IPV6:
		return PROTOCOL_IPV6;
	case ETH_P_ARP:
		return PROTOCOL_ARP;
	default:
		return PROTOCOL_OTHER;
	}
}

/*
 * The socket that owns a packet: that which was to receive it, else that which sent it. For one
 * that does not exist yet, its listener; none for one in TIME_WAIT, which no process has any more.
 */
static __always_inline struct sock *owning_sock(struct sock *receiver, struct sk_buff *skb)
{
	struct sock *sk = receiver ? receiver : skb->sk;
	__u32 family, state;

	if (!sk)
		return NULL;
	family = sk->__sk_common.skc_family;
	if (family != AF_INET && family != AF_INET6)
		return NULL;
	state = sk->__sk_common.skc_state;
	if (state == TCP_NEW_SYN_RECV)
		return sk->__sk_common.skc_listener;
	return state == TCP_TIME_WAIT ? NULL : sk;
}

static __always_inline void send_record(struct sk_buff *skb, const struct actor_key *key)
{
	struct drop_event *event = reserve(sizeof(*event));
	struct net_device *dev;

	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	event->time = bpf_ktime_get_ns();
	__builtin_memcpy(event->actor.comm, key->comm, COMM_LEN);
	__builtin_memcpy(event->actor.thread_comm, key->comm, COMM_LEN);
	event->actor.cgroup = key->cgroup;
	dev = skb->dev;
	if (dev) {
		((__u64 *)event->device)[0] = word_at(&dev->name);
		((__u64 *)event->device)[1] = word_at((void *)&dev->name + 8);
	}
	event->bytes = skb->len;
	event->number = key->process.pair >> 32;
	read_ends(&event->ends, skb);
	submit(event);
}

static __always_inline void count_packet(struct sk_buff *skb, __u32 reason, struct sock *receiver)
{
	__u16 protocol = skb->protocol;
	struct drop_line *line;
	struct actor_key key;
	bool has_record;

	if (!protocol)
		return;
	has_record = records_wanted;
	socket_key(&key, owning_sock(receiver, skb),
		   protocol_of(protocol) << PROTOCOL_SHIFT | (reason & REASON_BITS));
	if (counting) {
		line = drop_line_of(&key);
		if (!line) {
			count_map_full();
			return;
		}
		atomic_inc(&line->packets);
		if (has_record)
			atomic_inc(&line->with_record);
	}
	if (has_record)
		send_record(skb, &key);
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(drop_received, struct sk_buff *skb, void *location, int reason, struct sock *receiver)
{
	count_packet(skb, reason, receiver);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(drop_reason, struct sk_buff *skb, void *location, int reason)
{
	count_packet(skb, reason, NULL);
	return 0;
}

SEC("tp_btf/kfree_skb")
int BPF_PROG(drop_plain, struct sk_buff *skb, void *location)
{
	count_packet(skb, NO_REASON, NULL);
	return 0;
}

/* Userspace reads it at each scrape. */
SEC("iter/task_file")
int drop_sockets(struct bpf_iter__task_file *ctx)
{
	return write_socket_owner(ctx);
}

LICENSE;
