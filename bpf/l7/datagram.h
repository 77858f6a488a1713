/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Messages of DNS in datagrams. By their ports first, so that others cost next to nothing; where a
 * socket is not connected, by the address that a call sends to. What a datagram that is received
 * comes from, no one knows yet (move_addr_to_user(), net/socket.c, is called later).
 */
#pragma once

#include <bpf/bpf_endian.h>

#include "call.h"
#include "left_out.h"
#include "protocols/dns.h"
#include "owner.h"

#define IPPROTO_UDP 17
#define SOCK_DGRAM 2

/* A longer question would not be sent to a server of which nothing is known (RFC 1035, 2.3.4). */
#define MOST_QUESTION 512

static __always_inline bool is_udp(struct sock *sk)
{
	return READ(sk, sk_protocol) == IPPROTO_UDP && READ(sk, sk_type) == SOCK_DGRAM &&
	       is_of_ip(sk);
}

/*
 * Has a socket that is not connected sent to the port of DNS? By a hash of its address; others may
 * have the same one.
 */
static volatile __u8 asking[65536];

static __always_inline volatile __u8 *asking_of(struct sock *sk)
{
	return &asking[address_of(sk) * 0x9e3779b97f4a7c15ull >> 48];
}

/* A connection of one message, as the machine of TCP's takes it; per CPU. */
enum {
	FOR_UNANSWERED = SENT + 1,
	DATAGRAM_USES,
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, DATAGRAM_USES);
	__type(key, __u32);
	__type(value, struct connection);
} datagrams SEC(".maps");

static long take_datagram_vector(__u32 index, struct reader *r)
{
	struct call_memory *memory = &r->scratch->memory;

	if (!memory->left || index >= memory->vectors)
		return 1;
	find_piece(memory, index);
	if (!memory->length)
		return 0;
	dns_take(r->c, r->scratch, memory->piece, memory->length,
		 r->scratch->direction | REASON_UNREADABLE << 1);
	memory->left -= memory->length;
	return 0;
}

/* A question's parts at most; what lies behind is not read. */
#define DATAGRAM_VECTORS 64

static __always_inline void take_message_of(struct connection *c, struct scratch *scratch,
					    __u32 direction, __u32 bytes)
{
	struct reader r = { .c = c, .scratch = scratch };
	struct call_memory *memory = &scratch->memory;

	scratch->direction = direction;
	if (memory->vectors && memory->address)
		bpf_loop(DATAGRAM_VECTORS, take_datagram_vector, &r, 0);
	else
		dns_take(c, scratch, memory->address, bytes, direction | REASON_UNREADABLE << 1);
}

/* Counts the bytes of a datagram, and the question that it may have been, where it is unknown. */
static __always_inline void count_datagram(struct connection *c, __u32 direction, __u32 bytes)
{
	__u32 mode = c->directions[direction & 1].mode, reason;

	if (dns_state(c)->datagram == DATAGRAM_MAYBE)
		return;
	if (mode == DNS_LENGTH) {
		count_bytes(c, direction, BYTES_PARSED, bytes);
		return;
	}
	reason = mode == MODE_SYNC ? c->sync_reason : REASON_MALFORMED;
	count_bytes(c, direction, BYTES_SKIPPED + (reason & 7), bytes);
	if (direction == request_direction(c))
		count_lost(c, reason, 1);
}

/* Is the remote end, which a call of this memory sends to, a server of DNS? */
static __always_inline bool is_sent_to_dns(const struct call_memory *memory)
{
	__u16 to[2] = {}; /* of a struct sockaddr: family and port */

	return memory->name && !bpf_probe_read_user(to, sizeof(to), (void *)memory->name) &&
	       to[1] == bpf_htons(DNS_PORT);
}

/* May a datagram be a message of DNS, by its socket's ports? */
static __always_inline enum datagram judge_ports(struct sock *sk, int bytes, __u32 direction)
{
	__u16 remote = READ(sk, __sk_common.skc_dport);

	if (READ(sk, __sk_common.skc_num) == DNS_PORT || remote == bpf_htons(DNS_PORT))
		return DATAGRAM_MESSAGE;
	if (remote || ((direction == RECEIVED || bytes > MOST_QUESTION) && !*asking_of(sk)))
		return DATAGRAM_NOT;
	return DATAGRAM_MAYBE;
}

/* How a datagram is taken: bit 0 is its direction. */
enum {
	DATAGRAM_UNREADABLE = 1 << 1,
	DATAGRAM_RETURNS = 1 << 2, /* its call returns */
};

/*
 * What stands for a connection of a datagram that may be a message of DNS; else NULL. The caller
 * gives it its cookie.
 */
static __noinline struct connection *begin_datagram(struct sock *sk, int ret, __u32 how,
						    struct scratch *scratch)
{
	__u32 direction = how & 1;
	enum datagram kind = judge_ports(sk, ret, direction);
	struct call_memory *memory = &scratch->memory;
	struct connection *c;

	if (kind == DATAGRAM_NOT) {
		if (direction == SENT && !(how & DATAGRAM_RETURNS) &&
		    !READ(sk, __sk_common.skc_dport))
			pass_datagram(sk);
		return NULL;
	}
	if (ret < 0) {
		end_datagrams();
		return NULL;
	}
	if (are_processes_chosen() && is_process_left_out(direction)) {
		if (kind == DATAGRAM_MESSAGE)
			count_left_out(LEFT_OUT_FOR_PROCESS, direction, ret);
		return NULL;
	}
	*memory = (struct call_memory){ .left = ret, .place = memory->place };
	if (!(how & DATAGRAM_UNREADABLE))
		find_datagram(memory, how & DATAGRAM_RETURNS ? NULL : sk);
	if (kind == DATAGRAM_MAYBE && direction == SENT) {
		if (!is_sent_to_dns(memory))
			return NULL;
		*asking_of(sk) = 1;
		kind = DATAGRAM_MESSAGE;
	}
	c = bpf_map_lookup_elem(&datagrams, &direction);
	if (!c)
		return NULL;
	take_owner(c);
	c->id = (__u64)sk;
	c->sock = (__u64)sk;
	c->protocol = PROTOCOL_DNS;
	c->role = READ(sk, __sk_common.skc_num) == DNS_PORT ? ROLE_SERVER : ROLE_CLIENT;
	*dns_state(c) = (struct dns_state){ .datagram = kind };
	begin_dns_message(&c->directions[direction & 1]);
	c->directions[direction & 1].mode = DNS_HEADER;
	c->directions[direction & 1].left = ret;
	return c;
}

static __always_inline void take_datagram(struct sock *sk, int ret, int flags, __u32 direction)
{
	struct scratch *scratch = bpf_map_lookup_elem(&scratches, &direction);
	struct connection *c;

	if (!scratch)
		return;
	c = begin_datagram(sk, ret, direction | (flags & MSG_TRUNC ? DATAGRAM_UNREADABLE : 0),
			   scratch);
	if (!c)
		return;
	*cookie_of(c) = bpf_get_socket_cookie(sk);
	take_message_of(c, scratch, direction, ret);
	count_datagram(c, direction, ret);
}

struct unanswered {
	struct connection *c;
	__u64 now;
};

/* Has the connection's path be the name of a question. */
static __always_inline void recall_name(struct connection *c, const struct question_key *key)
{
	struct question_name *name;

	if (!names_wanted)
		return;
	name = bpf_map_lookup_elem(&question_names, key);
	if (name)
		__builtin_memcpy(c->path, name, sizeof(*name));
	else
		__builtin_memset(c->path, 0xff, sizeof(c->path));
}

static long give_up_expired(void *map, struct question_key *key, struct question *question,
			    struct unanswered *unanswered)
{
	bool is_early = key->role == EARLY_ANSWER;
	struct question_key expired = *key;
	struct connection *c = unanswered->c;

	if (!has_expired(question, is_early ? EARLY_TIMEOUT : dns_timeout, unanswered->now)) {
		questions_wait = true;
		if (is_early)
			early_answers_wait = true;
		return 0;
	}
	c->role = is_early ? ROLE_CLIENT : expired.role;
	if (!is_early) {
		recall_name(c, &expired);
		give_up(c, &expired, question, unanswered->now);
		return 0;
	}
	c->owner = question->owner;
	if (!bpf_map_delete_elem(&questions, &expired))
		count_stray(c);
	return 0;
}

/* Counts the questions that have waited for too long as unanswered. */
static __always_inline void give_up_questions(void)
{
	struct unanswered unanswered = { .now = bpf_ktime_get_ns() };
	__u32 use = FOR_UNANSWERED;

	unanswered.c = bpf_map_lookup_elem(&datagrams, &use);
	if (!unanswered.c || !questions_wait)
		return;
	/*
	 * A question that is asked meanwhile sets it again; atomically, behind which the map is not
	 * read before: one that is not met there would wait, and no one would look for it.
	 */
	early_answers_wait = false;
	__sync_lock_test_and_set(&questions_wait, false);
	unanswered.c->protocol = PROTOCOL_DNS;
	*dns_state(unanswered.c) = (struct dns_state){ .datagram = DATAGRAM_MESSAGE };
	bpf_for_each_map_elem(&questions, give_up_expired, &unanswered, 0);
}
