// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The signal tcp with a filler beside its programs. */
#include "bpf/tcp/tcp.bpf.c"
#include "fill.h"

/* Connections are opened and closed in groups of so many; a group's openings come first. */
#define GROUP 512

/* Socket addresses in use, and how far they lie apart: a slab of struct tcp_sock. */
#define SOCKETS 4096
#define SOCKET_SIZE 2432

static __always_inline void write_record(__u64 number, __u64 processes)
{
	struct tcp_event *event = reserve(sizeof(*event));
	__u64 connection = number / (2 * GROUP) * GROUP + number % GROUP;
	__u64 random = mix(connection);
	bool closes = number / GROUP % 2;
	bool is_client = random >> 16 & 1;

	if (!event)
		return;
	__builtin_memset(event, 0, sizeof(*event));
	event->time = bpf_ktime_get_ns();
	event->duration = invent_duration(random);
	event->sample.connection[0] = connection % SOCKETS * SOCKET_SIZE;
	event->sample.connection[1] = 0xffff8881;
	event->sample.start[0] = connection * 1000003;
	event->sample.start[1] = 3000;
	if (closes) {
		event->sample.sent = 100 + (random >> 20 & 4095);
		event->sample.received = 100 + (random >> 24 & 4095);
		event->sample.rtt_us = 30 + (random >> 36 & 1023);
	}
	event->sample.state = closes ? TCP_CLOSE : TCP_ESTABLISHED;
	event->sample.role = is_client ? ROLE_CLIENT : ROLE_SERVER;
	event->sample.phase = closes ? PHASE_CLOSED : PHASE_OPEN;
	invent_actor(&event->sample.actor, (random >> 32) % processes);
	event->kind = closes ? TCP_EVENT_CLOSE : is_client ? TCP_EVENT_CONNECT : TCP_EVENT_ACCEPT;
	event->sample.ends.family = FAMILY_IPV4;
	event->sample.ends.local_port = is_client ? 32768 + (random >> 40 & 16383) : 443;
	event->sample.ends.remote_port = is_client ? 443 : 32768 + (random >> 40 & 16383);
	event->sample.ends.local_address[0] = bpf_htonl(0x0a000001);
	event->sample.ends.remote_address[0] = bpf_htonl(0x0a000002);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}
