/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * AMQP: the requests that wait on the channels of a connection, in the map of streams. Those of a
 * channel are answered in their order, but for what is published and is to be confirmed, which is
 * known by its number. One CPU may see requests and another one answers at the same time; so words
 * are exchanged, as in queue.h and streams.h.
 */
#pragma once

#include "../finish.h"
#include "../reader.h"
#include "amqp_state.h"
#include "streams.h"

/* What an entry is: bits 16 and 17 of the key's id, above the channel, below a number. */
enum amqp_entry_kind {
	ENTRY_CHANNEL,	 /* `next` requests have been seen, `first` answers; the word is of the
			    next one that is answered, if none waited when it came */
	ENTRY_REQUEST,	 /* a further one that waits, by its number */
	ENTRY_CONFIRMS,	 /* `next` is the number of what is published next, `first` the lowest of
			    one that has not been confirmed */
	ENTRY_PUBLISHED, /* it has not been confirmed, by its number */
};

#define ENTRY_KIND_SHIFT 16
#define ENTRY_NUMBER_SHIFT 18

/* The value of an entry, in place of a struct stream. */
struct amqp_entry {
	__u64 word;
	__u32 first;
	__u32 next;
};

_Static_assert(sizeof(struct amqp_entry) == sizeof(struct stream), "amqp_entry");

static __always_inline __u64 entry_id(__u32 channel, enum amqp_entry_kind kind, __u32 number)
{
	return (channel & 0xffff) | kind << ENTRY_KIND_SHIFT | (__u64)number << ENTRY_NUMBER_SHIFT;
}

/* Adds an entry; false when there is one, or there can be none. */
static __always_inline bool add_entry(struct connection *c, const struct stream_key *key,
				      const struct amqp_entry *fresh)
{
	__u32 channel = key->id & 0xffff;

	if (bpf_map_update_elem(&streams, key, fresh, BPF_NOEXIST))
		return false;
	__sync_fetch_and_add(&amqp_of(c)->open, 1);
	if (channel > amqp_of(c)->highest)
		amqp_of(c)->highest = channel;
	return true;
}

static __always_inline void delete_entry(struct connection *c, const struct stream_key *key)
{
	bpf_map_delete_elem(&streams, key);
	__sync_fetch_and_add(&amqp_of(c)->open, -1);
}

static __always_inline struct amqp_entry *entry_of(const struct stream_key *key)
{
	return bpf_map_lookup_elem(&streams, key);
}

/* How many requests wait on a channel; below 0, so many answers came before their requests. */
static __always_inline __s32 waiting_on_channel(const struct amqp_entry *channel)
{
	return READ_ONCE(channel->next) - READ_ONCE(channel->first);
}

/* Counts the requests of the connection that wait (waiting_requests()). */
static __always_inline void count_waiting(struct connection *c, __u32 requests, __u32 responses)
{
	if (requests)
		__sync_fetch_and_add(&c->requests, requests);
	if (responses)
		__sync_fetch_and_add(&c->responses, responses);
}

/*
 * A request waits on its channel. Returns 0; the word of its answer when that has come before; or
 * WORD_LOST when it cannot be kept. Global, as others here, so that it is verified once.
 */
__noinline __u64 amqp_push(struct connection *c, __u32 channel, __u64 word)
{
	struct stream_key key = { .id = entry_id(channel, ENTRY_CHANNEL, 0) };
	struct amqp_entry fresh = {}, *entry;
	__u64 found = 0;
	__s32 waiting;

	if (!c)
		return WORD_LOST;
	key.connection = c->id;
	amqp_of(c)->last_channel = channel;
	add_entry(c, &key, &fresh);
	entry = entry_of(&key);
	if (!entry)
		return WORD_LOST;
	waiting = waiting_on_channel(entry);
	if (waiting <= 0) {
		found = __sync_lock_test_and_set(&entry->word, word);
	} else {
		key.id = entry_id(channel, ENTRY_REQUEST, entry->next);
		fresh.word = word;
		if (waiting >= MOST_WAITING || !add_entry(c, &key, &fresh))
			found = WORD_LOST;
	}
	if (waiting < 0 && !(found & TAG_RESPONSE))
		found = WORD_LOST;
	if (found & TAG_RESPONSE && operation_of(found) != operation_of(word)) {
		/* It answered something else. */
		found = 0;
		count_waiting(c, 1, 0);
		*(volatile __u32 *)&entry->next = entry->next + 1;
	} else if (waiting <= 0 && found) {
		entry->word = 0;
	}
	count_waiting(c, 1, 0);
	*(volatile __u32 *)&entry->next = entry->next + 1;
	return found;
}

/* The word of the request that waits first on a channel; 0: none does. */
static __always_inline __u64 first_on_channel(struct stream_key *key, struct amqp_entry *channel)
{
	struct amqp_entry *further;
	__u64 word;

	if (waiting_on_channel(channel) <= 0)
		return 0;
	word = READ_ONCE(channel->word);
	if (word & TAG_REQUEST)
		return word;
	key->id = entry_id(key->id, ENTRY_REQUEST, channel->first);
	further = entry_of(key);
	return further ? further->word : WORD_LOST;
}

/* Removes it. */
static __always_inline void pop_on_channel(struct connection *c, struct stream_key *key,
					   struct amqp_entry *channel)
{
	if (channel->word & TAG_REQUEST) {
		channel->word = 0;
	} else {
		key->id = entry_id(key->id, ENTRY_REQUEST, channel->first);
		if (entry_of(key))
			delete_entry(c, key);
	}
	*(volatile __u32 *)&channel->first = channel->first + 1;
	count_waiting(c, 0, 1);
}

/* In place of a word: the answer is not one to the request that waits. */
#define WORD_MISMATCH 2

/*
 * Removes the request of an operation that waits first on a channel: its word; 0 when there is
 * none, WORD_MISMATCH when it is another one.
 */
__noinline __u64 amqp_pop(struct connection *c, __u32 channel, __u32 operation)
{
	struct stream_key key = { .id = entry_id(channel, ENTRY_CHANNEL, 0) };
	struct amqp_entry *entry;
	__u64 word;

	if (!c)
		return 0;
	key.connection = c->id;
	entry = entry_of(&key);
	if (!entry)
		return 0;
	word = first_on_channel(&key, entry);
	if (!word)
		return 0;
	if (is_request(word) && operation_of(word) != operation)
		return WORD_MISMATCH;
	pop_on_channel(c, &key, entry);
	return word;
}

/*
 * Leaves an answer for a request that has not been seen yet. Returns the request's word when it has
 * been seen by now, else 0.
 */
__noinline __u64 amqp_leave(struct connection *c, __u32 channel, __u32 operation, __u64 now)
{
	struct stream_key key = { .id = entry_id(channel, ENTRY_CHANNEL, 0) };
	struct amqp_entry fresh = {}, *entry;
	__u64 word;

	if (!c)
		return 0;
	key.connection = c->id;
	add_entry(c, &key, &fresh);
	entry = entry_of(&key);
	if (!entry)
		return 0;
	word = (request_word(now, operation, 0) ^ TAG_REQUEST) | TAG_RESPONSE;
	/*
	 * Of several that come so, the first one is kept: amqp_push() loses the others' requests.
	 */
	word = waiting_on_channel(entry) < 0 ? 0 : __sync_lock_test_and_set(&entry->word, word);
	if (word & TAG_REQUEST)
		entry->word = 0;
	*(volatile __u32 *)&entry->first = entry->first + 1;
	count_waiting(c, 0, 1);
	return word & TAG_REQUEST ? word : 0;
}

/* Does anything of this operation wait first on a channel? */
__noinline int amqp_waits(struct connection *c, __u32 channel, __u32 operation)
{
	struct stream_key key = { .id = entry_id(channel, ENTRY_CHANNEL, 0) };
	struct amqp_entry *entry;

	if (!c)
		return false;
	key.connection = c->id;
	entry = entry_of(&key);
	return entry && operation_of(first_on_channel(&key, entry)) == operation;
}

/* What is published on a channel is to be confirmed from now on. */
__noinline int amqp_begin_confirms(struct connection *c, __u32 channel)
{
	struct stream_key key = { .id = entry_id(channel, ENTRY_CONFIRMS, 0) };
	struct amqp_entry fresh = { .first = 1, .next = 1 };

	if (!c)
		return 0;
	key.connection = c->id;
	add_entry(c, &key, &fresh);
	amqp_of(c)->confirms = 1;
	return 0;
}

/* In place of an answer's word: it is not to be confirmed. */
#define WORD_UNCONFIRMED 4

/* A message has been published: as amqp_push(); WORD_UNCONFIRMED where none is confirmed. */
__noinline __u64 amqp_publish(struct connection *c, __u32 channel, __u64 word)
{
	struct stream_key key = { .id = entry_id(channel, ENTRY_CONFIRMS, 0) };
	struct amqp_entry fresh = { .word = word }, *confirms, *entry;
	__u64 found = 0;

	if (!c)
		return WORD_LOST;
	key.connection = c->id;
	confirms = entry_of(&key);
	if (!confirms)
		return WORD_UNCONFIRMED;
	key.id = entry_id(channel, ENTRY_PUBLISHED, confirms->next);
	if (waiting_on_channel(confirms) >= MOST_WAITING) {
		found = WORD_LOST;
	} else if (!add_entry(c, &key, &fresh)) {
		entry = entry_of(&key);
		found = entry ? __sync_lock_test_and_set(&entry->word, word) : WORD_LOST;
		if (found & TAG_RESPONSE)
			delete_entry(c, &key);
		else if (found != WORD_LOST)
			found = 0;
	}
	if (found != WORD_LOST)
		count_waiting(c, 1, 0);
	*(volatile __u32 *)&confirms->next = confirms->next + 1;
	return found;
}

/* Confirmations of numbers from `number` to `last`. */
struct amqp_confirming {
	struct connection *c;
	__u64 now;
	__u32 channel;
	__u32 status;
	__u32 number;
	__u32 last;
	__u32 next; /* of what is published */
	__u32 reserved;
};

/* Confirms the next number. Returns 1 behind the last one, at the first one that waits. */
static long confirm_next(__u32 index, struct amqp_confirming *confirming)
{
	struct stream_key key = { .connection = confirming->c->id };
	__u32 number = confirming->number;
	bool is_behind = (__s32)(number - confirming->last) > 0;
	struct amqp_entry *entry, fresh = {};
	__u64 word = 0;

	if (is_behind && (__s32)(number - confirming->next) >= 0)
		return 1;
	key.id = entry_id(confirming->channel, ENTRY_PUBLISHED, number);
	entry = entry_of(&key);
	if (is_behind && entry)
		return 1;
	/* Else a verifier of Linux 7 follows each round by what the one before has told of it. */
	confirming->number = unbounded(number + 1, confirming->now);
	if (is_behind)
		return 0;
	fresh.word = (request_word(confirming->now, confirming->status, 0) ^ TAG_REQUEST) |
		     TAG_RESPONSE;
	if (!entry && (__s32)(number - confirming->next) >= 0) {
		/* The call that publishes it has not returned yet. */
		if (add_entry(confirming->c, &key, &fresh)) {
			count_waiting(confirming->c, 0, 1);
			return 0;
		}
		entry = entry_of(&key);
	}
	if (!entry)
		return 0;
	word = __sync_lock_test_and_set(&entry->word, fresh.word);
	if (word & TAG_REQUEST) {
		delete_entry(confirming->c, &key);
		count_waiting(confirming->c, 0, 1);
		finish_word(confirming->c, word, confirming->status, ERROR_NONE, confirming->now);
	}
	return 0;
}

/* Most confirmations that may come before what they confirm. */
#define MOST_EARLY 32

/*
 * The server confirms what was published on a channel: a number, or with `multiple` all up to it,
 * and with 0 then all.
 */
static __always_inline void amqp_confirm(struct connection *c, __u32 channel, __u32 number,
					 bool multiple, __u32 status, __u64 now)
{
	struct stream_key key = { .connection = c->id, .id = entry_id(channel, ENTRY_CONFIRMS, 0) };
	struct amqp_confirming confirming = { .c = c, .now = now, .status = status };
	struct amqp_entry *confirms = entry_of(&key);

	if (!confirms)
		return;
	confirming.channel = channel;
	confirming.next = READ_ONCE(confirms->next);
	if (multiple && !number)
		number = confirming.next - 1;
	if ((__s32)(number - confirming.next) >= MOST_EARLY ||
	    (__s32)(number - confirms->first) < 0)
		return;
	confirming.number = multiple ? confirms->first : number;
	confirming.last = number;
	if (confirming.number != confirms->first) {
		/* Those before it wait still. */
		confirm_next(0, &confirming);
		return;
	}
	bpf_loop(MOST_WAITING + MOST_EARLY, confirm_next, &confirming, 0);
	confirms->first = confirming.number;
}

/* Entries of a connection, from a channel on down. Of few bytes: it lies where stack is short. */
struct amqp_walk {
	struct connection *c;
	struct stream_key key; /* of the next entry that is tried */
	__u32 end;	       /* of the numbers of the current kind of entries */
	union {
		__u32 lost; /* requests that have been met */
		struct {
			__u16 error;   /* enum l7_error, by which they end, … */
			__u16 channel; /* … those of this one, or, with 0, of all */
		};
	};
};

/* Takes the next entry out, if there is one: its word. */
static __always_inline __u64 take_next_entry(struct amqp_walk *walk)
{
	__u64 id = walk->key.id, kind = id >> ENTRY_KIND_SHIFT & 3, word = 0;
	__u32 number = id >> ENTRY_NUMBER_SHIFT, channel = id & 0xffff;
	struct amqp_entry *entry = entry_of(&walk->key);

	if (kind == ENTRY_REQUEST || kind == ENTRY_PUBLISHED) {
		number++;
	} else {
		/* Then those that wait besides, each by its number. */
		number = entry ? entry->first : 0;
		walk->end = entry ? entry->next : 0;
		kind++;
	}
	if (entry) {
		word = entry->word;
		delete_entry(walk->c, &walk->key);
	}
	if ((__s32)(number - walk->end) >= 0) {
		channel -= kind == ENTRY_PUBLISHED;
		kind = kind == ENTRY_PUBLISHED ? ENTRY_CHANNEL : ENTRY_CONFIRMS;
		number = 0;
	}
	walk->key.id = entry_id(channel, kind, number);
	return word;
}

/*
 * Entries that are tried one by one, of a connection that ends: those that are there are mostly
 * among them.
 */
#define ENTRIES_TRIED MOST_WAITING

/* A request that waits, with this word, ends now. */
static __always_inline void end_waiting(const struct amqp_walk *walk, __u64 word)
{
	if (!is_request(word))
		return;
	count_waiting(walk->c, 0, 1);
	finish_word(walk->c, word, 0, walk->error, bpf_ktime_get_ns());
}

/* Ends the next request. Returns 1 when there is none left. */
static long end_next_entry(__u32 index, struct amqp_walk *walk)
{
	if (!READ_ONCE(amqp_of(walk->c)->open) ||
	    (walk->channel && walk->channel != (walk->key.id & 0xffff)))
		return 1;
	end_waiting(walk, take_next_entry(walk));
	return 0;
}

static long end_own_entry(void *map, const struct stream_key *key, struct amqp_entry *entry,
			  struct amqp_walk *walk)
{
	struct stream_key own = *key;
	__u64 word = entry->word;

	if (own.connection == walk->c->id) {
		delete_entry(walk->c, &own);
		end_waiting(walk, word);
	}
	return !READ_ONCE(amqp_of(walk->c)->open);
}

/* The requests that wait on one channel, or, with 0, on all, end now by this error. */
__noinline int amqp_end_channels(struct connection *c, __u32 error, __u32 channel)
{
	struct amqp_walk walk = { .c = c };

	if (!c || !amqp_of(c)->open)
		return 0;
	walk.error = error;
	walk.channel = channel;
	walk.key.connection = c->id;
	walk.key.id = entry_id(channel ? channel : amqp_of(c)->highest, ENTRY_CHANNEL, 0);
	bpf_loop(channel ? 4 * MOST_WAITING : ENTRIES_TRIED, end_next_entry, &walk, 0);
	if (!channel && amqp_of(c)->open)
		bpf_for_each_map_elem(&streams, end_own_entry, &walk, 0);
	return 0;
}

/* The same where it is not known how: those are lost. */
static long lose_next_entry(__u32 index, struct amqp_walk *walk)
{
	if (!READ_ONCE(amqp_of(walk->c)->open))
		return 1;
	walk->lost += is_request(take_next_entry(walk));
	return 0;
}

static long lose_own_entry(void *map, const struct stream_key *key, struct amqp_entry *entry,
			   struct amqp_walk *walk)
{
	struct stream_key own = *key;

	if (own.connection == walk->c->id) {
		walk->lost += is_request(entry->word);
		delete_entry(walk->c, &own);
	}
	return !READ_ONCE(amqp_of(walk->c)->open);
}

/*
 * The requests that wait are lost, since bytes have been missed. Returns how many. Apart, since it
 * is called where little stack is left.
 */
__noinline int amqp_lose(struct connection *c)
{
	struct amqp_walk walk = {};

	if (!c)
		return 0;
	walk.c = c;
	walk.key.connection = c->id;
	walk.key.id = entry_id(amqp_of(c)->highest, ENTRY_CHANNEL, 0);
	bpf_loop(ENTRIES_TRIED, lose_next_entry, &walk, 0);
	if (amqp_of(c)->open)
		bpf_for_each_map_elem(&streams, lose_own_entry, &walk, 0);
	amqp_state(c)->strays = STRAYS_IGNORED;
	return walk.lost;
}

/* Is the content at this place under way? The request that one answers waits itself. */
__noinline int amqp_is_under_way(struct connection *c, __u32 direction, __u32 n)
{
	__u64 word;

	if (!c || n >= AMQP_CONTENTS)
		return 0;
	word = amqp_of(c)->contents[direction & 1][n].word;
	return word && operation_of(word) != AMQP_GET_OK;
}

/*
 * The same of contents. What is added is what a function returns: else, before Linux 6.2, the
 * verifier follows each way to each sum.
 */
__noinline int amqp_lose_contents(struct connection *c)
{
	__u32 n, lost = 0;

	if (!c)
		return 0;
	for (n = 0; n < AMQP_CONTENTS; n++)
		lost += amqp_is_under_way(c, RECEIVED, n) + amqp_is_under_way(c, SENT, n);
	return lost;
}
