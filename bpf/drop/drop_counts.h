/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Counts of dropped packets by socket and reason, in lines (ringtap/counts.h). */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/ring.h>
#include <ringtap/socket_owner.h>

/*
 * Lines for (socket, reason) pairs, a power of two. Behind them follows one for each protocol, for
 * what has no line of its own. `drops` and `drop_keys` have drop_lines + PROTOCOLS entries.
 */
const volatile __u32 drop_lines = 4096;

/* By what the packet's head says of itself (include/uapi/linux/if_ether.h). */
enum drop_protocol {
	PROTOCOL_OTHER,
	PROTOCOL_IPV4,
	PROTOCOL_IPV6,
	PROTOCOL_ARP,
	PROTOCOLS,
};

/*
 * A key's number has the reason in bits 0 to 15, the subsystem that it is one of from 16 on (0 is
 * the core: enum skb_drop_reason_subsys), the protocol from 24 on.
 */
#define REASON_BITS 0xffffff
#define NO_REASON 0xffff /* the kernel does not tell */
#define PROTOCOL_SHIFT 24

struct drop_line {
	struct actor_key key; /* socket_key() */
	__u64 packets;
	__u64 with_record; /* of these: those that are in the account of the ring */
};

EXPORT_RECORD(drop_line);

LINES(drops, struct drop_line, drop_keys, struct actor_key, 4096 + PROTOCOLS);

#define KEY_WORDS (sizeof(struct actor_key) / sizeof(__u64))

static __always_inline struct drop_line *drop_line_of(struct actor_key *key)
{
	__u32 protocol = (key->process.pair >> (32 + PROTOCOL_SHIFT)) & (PROTOCOLS - 1);
	struct actor_key other;
	struct drop_line *line;

	line = find_line(&drops, &drop_keys, drop_lines, &key->process.pair, KEY_WORDS);
	if (line)
		return line;
	other = (struct actor_key){
		.process = process_key(OTHER_TGID, 0, protocol << PROTOCOL_SHIFT | NO_REASON),
	};
	return line_at(&drops, &drop_keys, drop_lines + protocol, &other.process.pair, KEY_WORDS);
}
