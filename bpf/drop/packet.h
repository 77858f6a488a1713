/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Packets: the kernel's types, and what a packet's head says. */
#pragma once

#include <bpf/bpf_endian.h>

#include <ringtap/endpoints.h>
#include <ringtap/sock.h>

/* include/uapi/linux/if_ether.h */
#define ETH_P_IP 0x0800
#define ETH_P_ARP 0x0806
#define ETH_P_IPV6 0x86dd

#define IPPROTO_UDP 17
#define TCP_NEW_SYN_RECV 12 /* include/net/tcp_states.h: a struct request_sock */

KERNEL_TYPES_BEGIN

struct net_device {
	char name[16];
};

struct sk_buff {
	struct net_device *dev;
	struct sock *sk;
	unsigned int len;
	__u16 protocol;	      /* network order; 0 of what is no packet: Unix and netlink messages */
	__u16 network_header; /* of head */
	unsigned char *head;
};

KERNEL_TYPES_END

struct packet_ends {
	enum ip_family family;
	__u16 source_port; /* 0 without one */
	__u16 destination_port;
	__u32 source_address[4]; /* network order; IPv4 in the first word */
	__u32 destination_address[4];
};

static __always_inline void read_ports(struct packet_ends *ends, __u64 transport, __u8 protocol)
{
	__u64 word;

	if (protocol != IPPROTO_TCP && protocol != IPPROTO_UDP)
		return;
	word = word_at((void *)transport);
	ends->source_port = bpf_ntohs((__u16)word);
	ends->destination_port = bpf_ntohs((__u16)(word >> 16));
}

/* The ends of an IPv4 packet, those behind fragments' first without ports. */
static __always_inline void read_ipv4(struct packet_ends *ends, __u64 head)
{
	__u64 first = word_at((void *)head), second = word_at((void *)(head + 8));
	__u32 fragment = bpf_ntohs((__u16)(first >> 48)) & 0x1fff;

	ends->source_address[0] = second >> 32;
	ends->destination_address[0] = (__u32)word_at((void *)(head + 16));
	if (!fragment)
		read_ports(ends, head + 4 * (first & 15), second >> 8 & 0xff);
}

/* The ends of an IPv6 packet; with extension headers, without ports. */
static __always_inline void read_ipv6(struct packet_ends *ends, __u64 head)
{
	__u64 *source = (void *)ends->source_address, *destination;

	destination = (void *)ends->destination_address;
	ends->family = FAMILY_IPV6;
	source[0] = word_at((void *)(head + 8));
	source[1] = word_at((void *)(head + 16));
	destination[0] = word_at((void *)(head + 24));
	destination[1] = word_at((void *)(head + 32));
	read_ports(ends, head + 40, byte_at((void *)(head + 6)));
}

static __always_inline void read_ends(struct packet_ends *ends, struct sk_buff *skb)
{
	__u64 head = address_of(READ(skb, head)) + READ(skb, network_header);

	switch (bpf_ntohs(READ(skb, protocol))) {
	case ETH_P_IP:
		read_ipv4(ends, head);
		break;
	case ETH_P_IPV6:
		read_ipv6(ends, head);
		break;
	}
}
