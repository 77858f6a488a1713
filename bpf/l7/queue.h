/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests that wait for their responses. Both are numbered in the order in which they come, and a
 * response answers the request of its number.
 *
 * A request that waits is a word: of when it began, and of which operation. The word lies in the
 * connection's slot of its number, or, when as many wait as there are slots, in a map. One CPU may
 * see requests and another one responses at the same time; so a slot is exchanged, never changed:
 * the second one of request and response finds the first one's word.
 */
#pragma once

#include "connection.h"

/*
 * Are statements wanted? Only `ringtap trace` wants them; elsewhere this costs nothing. The fuzzer
 * (test/fuzz/l7/parser.c) defines it.
 */
#ifndef STATEMENTS_WANTED
#define STATEMENTS_WANTED false
#endif
const volatile bool statements_wanted = STATEMENTS_WANTED;

/* Has the connection a statement in place of a path (statement.h)? */
static __always_inline bool keeps_statements(const struct connection *c)
{
	return statements_wanted &&
	       (c->protocol == PROTOCOL_POSTGRESQL || c->protocol == PROTOCOL_MYSQL);
}

/* The slots of a connection that its path takes. */
static __always_inline __u32 path_slots(const struct connection *c)
{
	return c->protocol == PROTOCOL_HTTP || keeps_statements(c) ? PATH_SLOTS : 0;
}

/* The slot of the request or response of a number. */
static __always_inline __u64 *slot_of(struct connection *c, __u32 number)
{
	__u64 index = number | path_slots(c);

	/* The remainder comes last: before Linux 6.2 the verifier knows no bounds behind an OR. */
	asm volatile("" : "+r"(index));
	return &c->slots[index % SLOTS_IN_CONNECTION];
}

/* How many others there are. */
static __always_inline __s32 most_in_slots(const struct connection *c)
{
	return SLOTS_IN_CONNECTION - path_slots(c);
}

/* Requests that wait, beyond those that have a slot in their connection. */
#define DEEP_MAX 65536

/* Most that wait on one connection: as many are counted when it ends (bpf_loop). */
#define MOST_WAITING 8192

/*
 * A word: tag, what a protocol has to know of the request besides (its trait), operation or status,
 * and the time in units of 64 ns, which wraps after 52 days.
 */
#define TAG_REQUEST (1ull << 63)
#define TAG_RESPONSE (1ull << 62)
#define TAG_HEAD (1ull << 61) /* of a response's head; of a request that this was enough for */
#define TAG_RUN TAG_HEAD /* of Redis's requests: several, in place of a trait their number - 1 */
#define TAG_MARK (TAG_REQUEST | TAG_RESPONSE) /* waits like a request, and is none */
#define WORD_TIME ((1ull << 46) - 1)
#define WORD_OPERATION_SHIFT 46
#define WORD_TRAIT_SHIFT 56
#define TRAITS 32

static __always_inline __u64 request_word(__u64 time, __u32 operation, __u32 trait)
{
	return TAG_REQUEST | (__u64)(trait & (TRAITS - 1)) << WORD_TRAIT_SHIFT |
	       (__u64)(operation & 1023) << WORD_OPERATION_SHIFT | (time >> 6 & WORD_TIME);
}

static __always_inline bool is_request(__u64 word)
{
	return (word & TAG_MARK) == TAG_REQUEST;
}

static __always_inline bool is_mark(__u64 word)
{
	return (word & TAG_MARK) == TAG_MARK;
}

/* 0 of what is no request. */
static __always_inline __u32 trait_of(__u64 word)
{
	return word >> WORD_TRAIT_SHIFT & (TRAITS - 1);
}

/* Of memcached's requests, in their trait: no reply comes where that would be the common one. */
#define TRAIT_QUIET 16

static __always_inline bool is_quiet(const struct connection *c, __u64 word)
{
	return c->protocol == PROTOCOL_MEMCACHED && is_request(word) &&
	       trait_of(word) & TRAIT_QUIET;
}

static __always_inline __u32 operation_of(__u64 word)
{
	return word >> WORD_OPERATION_SHIFT & 1023;
}

static __always_inline __u64 with_operation(__u64 word, __u32 operation)
{
	return (word & ~(1023ull << WORD_OPERATION_SHIFT)) | (__u64)operation
								     << WORD_OPERATION_SHIFT;
}

/*
 * A run: requests that follow each other and are alike, such as those of one call, have one word
 * together, in the slot of the first of them that waits. Only Redis has runs, of requests without a
 * trait.
 */
#define LONGEST_RUN TRAITS

static __always_inline __u64 run_word(__u64 word, __u32 requests)
{
	return requests > 1 ? word | TAG_RUN | (__u64)(requests - 1) << WORD_TRAIT_SHIFT : word;
}

/* How many requests a word is of. */
static __always_inline __u32 requests_of(const struct connection *c, __u64 word)
{
	return word & TAG_RUN && is_request(word) && c->protocol == PROTOCOL_REDIS ?
		       trait_of(word) + 1 :
		       1;
}

/* The word of one request of a run. */
static __always_inline __u64 word_in_run(__u64 word)
{
	return word & ~(TAG_RUN | (__u64)(TRAITS - 1) << WORD_TRAIT_SHIFT);
}

/* From a word's time until `now`, ns. */
static __always_inline __u64 duration_since(__u64 word, __u64 now)
{
	__u64 units = ((now >> 6) - word) & WORD_TIME;

	/* The clocks of two CPUs may differ a little. */
	return units >> 45 ? 0 : units << 6;
}

struct deep_key {
	__u64 connection;
	__u64 number;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, DEEP_MAX);
	__type(key, struct deep_key);
	__type(value, __u64);
} deep SEC(".maps");

/* What pop_request() gives for a request that could not be kept: it is counted as lost. */
#define WORD_LOST 1

/* How many requests wait; below 0, so many responses came before their requests. */
static __always_inline __s32 waiting_requests(const struct connection *c)
{
	return READ_ONCE(c->requests) - READ_ONCE(c->responses);
}

/*
 * Adds a request, or a run of them, of which all may wait (may_wait()). Returns 0, or, with the
 * first one alone added, the word of its response when that, or its head (TAG_HEAD), has come
 * before; WORD_LOST when none can be kept, or the response could not be. Global, as others here, so
 * that it is verified once, and so that its key is in no frame of a function that calls further
 * ones.
 */
__noinline __u64 push_request(struct connection *c, __u64 word)
{
	struct deep_key key;
	__u64 *slot, found = 0;
	__u32 number;
	__s32 waiting;

	if (!c)
		return WORD_LOST;
	number = c->requests;
	waiting = waiting_requests(c);
	slot = slot_of(c, number);
	if (waiting < 0) {
		/* The response is whole. */
		found = READ_ONCE(*slot);
		found = found ? found : WORD_LOST;
	} else if (waiting < most_in_slots(c)) {
		found = __sync_lock_test_and_set(slot, word);
	} else {
		key = (struct deep_key){ .connection = c->id, .number = number };
		if (waiting >= MOST_WAITING || bpf_map_update_elem(&deep, &key, &word, BPF_ANY))
			found = WORD_LOST;
	}
	/* Before the number goes on, from when on another response may have the slot. */
	if ((found & (TAG_RESPONSE | TAG_HEAD)) == TAG_RESPONSE)
		*slot = 0;
	*(volatile __u32 *)&c->requests = number + (found ? 1 : requests_of(c, word));
	return found;
}

/* May so many further requests wait, and none of their responses has come before? */
static __always_inline bool may_wait(const struct connection *c, __u32 requests)
{
	__s32 waiting = waiting_requests(c);

	return waiting >= 0 && waiting + (__s32)requests <= MOST_WAITING;
}

/*
 * The request that so many others are in front of, which are in no run: its word; 0 when it has not
 * been seen yet.
 */
__noinline __u64 waiting_request(struct connection *c, __u32 before)
{
	struct deep_key key;
	__u64 word, *kept;

	if (!c || waiting_requests(c) <= (__s32)before)
		return 0;
	word = *slot_of(c, c->responses + before);
	if (!(word & TAG_REQUEST)) {
		key = (struct deep_key){ .connection = c->id, .number = c->responses + before };
		kept = bpf_map_lookup_elem(&deep, &key);
		word = kept ? *kept : WORD_LOST;
	}
	return requests_of(c, word) > 1 ? word_in_run(word) : word;
}

/* The request that the next response answers. */
static __always_inline __u64 next_request(struct connection *c)
{
	return waiting_request(c, 0);
}

/*
 * Removes the request that the next response answers, and of a run as many as `most`: their word; 0
 * when it has not been seen yet.
 */
__noinline __u64 pop_requests(struct connection *c, __u32 most)
{
	__u64 *slot, word, *kept;
	struct deep_key key;
	__u32 number, requests;

	if (!c || waiting_requests(c) <= 0)
		return 0;
	number = c->responses;
	slot = slot_of(c, number);
	word = *slot;
	if (word & TAG_REQUEST) {
		*slot = 0;
	} else {
		key = (struct deep_key){ .connection = c->id, .number = number };
		kept = bpf_map_lookup_elem(&deep, &key);
		word = kept ? *kept : WORD_LOST;
		if (kept)
			bpf_map_delete_elem(&deep, &key);
	}
	requests = requests_of(c, word);
	if (requests > 1) {
		word = word_in_run(word);
		if (most < requests)
			*slot_of(c, number + most) = run_word(word, requests - most);
		else
			most = requests;
		word = run_word(word, most);
		number += most - 1;
	}
	*(volatile __u32 *)&c->responses = number + 1;
	return word;
}

/* Removes one request. */
static __always_inline __u64 pop_request(struct connection *c)
{
	return pop_requests(c, 1);
}

/*
 * Leaves a response for a request that has not been seen when the response began: its head, and
 * once more when it is whole (`tag` 0). Returns the request's word when it has been seen by now,
 * else 0. While there is no slot for it, since as many responses are there already, it is not kept:
 * push_request() loses its request.
 */
static __always_inline __u64 push_response(struct connection *c, __u64 time, __u32 status,
					   __u64 tag)
{
	__u64 word = (request_word(time, status, 0) ^ TAG_REQUEST) | TAG_RESPONSE | tag, *slot;

	if (-waiting_requests(c) < most_in_slots(c)) {
		slot = slot_of(c, c->responses);
		word = __sync_lock_test_and_set(slot, word);
		if (word & TAG_REQUEST)
			*slot = 0;
		if (requests_of(c, word) > 1) {
			/* Before the number goes on, and with it those who look here. */
			*slot_of(c, c->responses + 1) =
				run_word(word_in_run(word), requests_of(c, word) - 1);
			word = word_in_run(word);
		}
	}
	if (word & TAG_REQUEST || !tag)
		*(volatile __u32 *)&c->responses = c->responses + 1;
	return word & TAG_REQUEST ? word : 0;
}

/* The word of the request that a response's head was left for, when it has been seen; else 0. */
static __always_inline __u64 pop_late_request(struct connection *c)
{
	__u64 *slot = slot_of(c, c->responses);
	__u64 word = READ_ONCE(*slot);

	if (!(word & TAG_REQUEST))
		return 0;
	*slot = 0;
	*(volatile __u32 *)&c->responses = c->responses + 1;
	return word;
}

/* The request that came last was counted by its response's head: so the response must not. */
static __always_inline void mark_counted(struct connection *c, __u64 word)
{
	*slot_of(c, c->requests - 1) = word | TAG_HEAD;
}

/* Is this the response to a request that had not been seen when the response began? */
static __always_inline bool is_unknown(const struct direction *responses)
{
	return responses->word & TAG_RESPONSE;
}
