/* The RSTs that the network namespace has sent, by who can have sent them. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <netinet/in.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "fuzz.h"

static int capture = -1;

/*
 * From a port without a socket, in reply to a SYN; by a socket of its own accord; in reply to
 * something else, by a socket or from a port without one.
 */
static unsigned int refusing, active, replying;

/* Packets as they leave, of TCP: what is in them is checked in take(). */
void open_capture(void)
{
	struct sockaddr_ll all = { .sll_family = AF_PACKET, .sll_protocol = htons(ETH_P_ALL) };
	int size = 16 << 20;

	capture = socket(AF_PACKET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (capture < 0 || setsockopt(capture, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) ||
	    bind(capture, (void *)&all, sizeof(all)))
		fail("AF_PACKET");
}

/* Where the TCP header of a packet begins, 0 where it has none. */
static size_t tcp_at(const uint8_t *packet)
{
	if (packet[0] >> 4 == 4 && packet[9] == IPPROTO_TCP)
		return (packet[0] & 15) * 4u;
	if (packet[0] >> 4 == 6 && packet[6] == IPPROTO_TCP)
		return sizeof(struct ip6_hdr);
	return 0;
}

static void take(const uint8_t *packet, size_t length)
{
	size_t at = tcp_at(packet);
	struct tcphdr header;

	if (at == 0 || length < at + sizeof(header))
		return;
	memcpy(&header, packet + at, sizeof(header));
	if (!header.rst)
		return;
	if (!header.ack)
		replying++;
	else if (header.seq)
		active++;
	else
		refusing++;
}

void read_capture(void)
{
	uint8_t packet[128] = { 0 };
	struct sockaddr_ll from;
	struct tpacket_stats lost;
	socklen_t size = sizeof(from);
	long length;

	while ((length = recvfrom(capture, packet, sizeof(packet), 0, (void *)&from, &size)) >= 0) {
		if (from.sll_pkttype == PACKET_OUTGOING)
			take(packet, (size_t)length);
		size = sizeof(from);
	}
	size = sizeof(lost);
	if (errno != EAGAIN || getsockopt(capture, SOL_PACKET, PACKET_STATISTICS, &lost, &size) ||
	    lost.tp_drops)
		fail("a packet was not captured");
}

void write_resets(void)
{
	printf("resets %u %u %u\n", refusing, active, replying);
}
