/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Questions of DNS that wait for their answers, which come in any order: by socket, id and question
 * (RFC 5452, section 9). Those of a TCP connection are kept in it, and go with it; others are in a
 * map until they are answered, or dns_timeout has passed.
 *
 * The same question with the same id may be asked again on a socket: by a client that has waited
 * for long enough, or, of a server, by another client. Such questions share an entry, which counts
 * them; each answer is the oldest one's.
 *
 * Where threads of a client share a socket, one may receive an answer before the call that sends
 * the question has returned in another one: such an answer waits for its question for a while.
 */
#pragma once

#include "../finish.h"

enum datagram {
	DATAGRAM_NOT,
	DATAGRAM_MAYBE, /* a message only if it answers a question, or looks as if it did */
	DATAGRAM_MESSAGE,
};

/* Of a connection, or of what stands for one of a single datagram. */
struct dns_state {
	__u8 datagram;	  /* enum datagram */
	__u8 is_transfer; /* the question of this id was answered by a zone's first message */
	__u16 transfer_id;
	__u32 reserved;
};

static __always_inline struct dns_state *dns_state(struct connection *c)
{
	return (struct dns_state *)&c->state;
}

/*
 * Questions that wait on a connection have their words (queue.h) in slots behind those of the path,
 * and their ids and hashes in as many behind these. One CPU may add, and another one remove.
 */
#define QUESTIONS_IN_CONNECTION 10
#define FIRST_QUESTION (SLOTS_IN_CONNECTION - 2 * QUESTIONS_IN_CONNECTION)

_Static_assert(__builtin_offsetof(struct connection, path_hash) <=
		       __builtin_offsetof(struct connection, slots[FIRST_QUESTION]),
	       "names lie before the slots of questions");

static __always_inline __u64 *question_slot(struct connection *c, __u32 place)
{
	return &c->slots[FIRST_QUESTION + place];
}

static __always_inline __u64 *question_key_slot(struct connection *c, __u32 place)
{
	return &c->slots[FIRST_QUESTION + QUESTIONS_IN_CONNECTION + place];
}

/*
 * The socket of a connection: its address, which goes with the connection; of a datagram the
 * socket's cookie, as no one tells of its end.
 */
static __always_inline __u64 *cookie_of(struct connection *c)
{
	return question_slot(c, 0);
}

static __always_inline __u64 socket_of(struct connection *c)
{
	return dns_state(c)->datagram ? *cookie_of(c) : c->id;
}

/* The same question waits so often at most. */
#define MOST_REPEATED 32

/* Questions that wait at once; not preallocated. */
#define QUESTIONS_MAX 65536

/* A question that was last asked so long ago will not be answered: ns. */
const volatile __u64 dns_timeout = 10ull * 1000 * 1000 * 1000;

struct question_key {
	__u64 socket; /* socket_of() */
	__u32 hash;   /* of the question; 0 for the first one that waits with this id */
	__u16 id;     /* as it is in the message */
	__u16 role;   /* enum l7_role, since one socket may have both; or EARLY_ANSWER */
};

#define EARLY_ANSWER 2

/* So long it waits for its question, ns: longer than a thread that can run is kept from it. */
#define EARLY_TIMEOUT (1000ull * 1000 * 1000)

struct question {
	struct actor_key owner; /* who asked, or was asked */
	__u64 time;		/* when the oldest one that waits was asked, ns */
	__u64 last_time;
	__u64 waiting;
	__u32 hash;
	__u32 operation; /* of an early answer, its outcome */
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, QUESTIONS_MAX);
	__type(key, struct question_key);
	__type(value, struct question);
} questions SEC(".maps");

/* The names of those questions, where they are wanted, as the messages have them. */
struct question_name {
	__u64 bytes[PATH_LEN / 8];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, QUESTIONS_MAX);
	__type(key, struct question_key);
	__type(value, struct question_name);
} question_names SEC(".maps");

/* The connection's path is the name of the request that ends now, if it has a question's hash. */
static __always_inline void name_question(struct connection *c, __u32 hash, __u64 now,
					  __u64 duration)
{
	if (names_wanted)
		c->path_time = hash ? path_mark(now, duration) : 0;
}

static __always_inline void delete_name(const struct question_key *key)
{
	if (names_wanted)
		bpf_map_delete_elem(&question_names, key);
}

/* May there be questions, and early answers, in the map? So that no one looks for none. */
static volatile __u64 questions_wait;
static volatile bool early_answers_wait;

static __always_inline bool has_expired(const struct question *question, __u64 timeout, __u64 now)
{
	return (__s64)(now - question->last_time) > (__s64)timeout;
}

/*
 * Removes an entry, and counts those of its questions that wait as unanswered. `c` has their
 * role.
 */
static __always_inline void give_up(struct connection *c, const struct question_key *key,
				    const struct question *question, __u64 now)
{
	__u32 number = number_of(c, question->operation, 0, ERROR_TIMEOUT), n;
	__u64 waiting = question->waiting, duration = now - question->time;
	struct actor_key owner = c->owner;

	/* Before the entry goes, since its memory is another one's then. */
	c->owner = question->owner;
	name_question(c, dns_state(c)->datagram ? question->hash : 0, now, duration);
	delete_name(key);
	/* Another CPU may have answered it. */
	if (!bpf_map_delete_elem(&questions, key))
		for (n = 0; n < MOST_REPEATED; n++)
			if (n < waiting)
				finish(c, number, now, duration);
	c->owner = owner;
}

static __always_inline struct question_key question_key(struct connection *c, __u32 id)
{
	return (struct question_key){ .socket = socket_of(c), .id = id, .role = c->role };
}

/* The entry of a question with this key, whose hash is set where it is not the id's first one. */
static __always_inline struct question *find_question(struct question_key *key, __u32 hash)
{
	struct question *question = bpf_map_lookup_elem(&questions, key);

	/* A response without a question answers the first one. */
	if (question && (question->hash == hash || !hash))
		return question;
	key->hash = hash;
	return hash ? bpf_map_lookup_elem(&questions, key) : NULL;
}

/* Adds a question to the map; false when it has one of this key, or is full. */
static __noinline bool add_question(struct connection *c, const struct question_key *key,
				    __u32 hash, __u32 operation, __u64 time)
{
	struct question added = { .owner = c->owner,
				  .time = time,
				  .last_time = time,
				  .waiting = 1,
				  .hash = hash,
				  .operation = operation };

	return !bpf_map_update_elem(&questions, key, &added, BPF_NOEXIST);
}

/* A question has been asked, which will be answered in no order. */
__noinline int dns_wait(struct connection *c, __u32 id, __u32 hash, __u32 operation, __u64 time)
{
	struct question *question;
	struct question_key key;

	if (!c)
		return 0;
	key = question_key(c, id);
	question = find_question(&key, hash);
	if (question && has_expired(question, dns_timeout, time)) {
		/* Of the same name. */
		give_up(c, &key, question, time);
	} else if (question) {
		if (!question->waiting)
			question->time = time;
		question->last_time = time;
		count_repeated(c);
		if (question->waiting < MOST_REPEATED)
			__sync_fetch_and_add(&question->waiting, 1);
		else
			count_lost(c, REASON_MAP_FULL, 1);
		return 0;
	}
	key.hash = 0;
	if (!add_question(c, &key, hash, operation, time)) {
		/* Another question has the id. */
		key.hash = hash;
		if (!add_question(c, &key, hash, operation, time))
			count_lost(c, REASON_MAP_FULL, 1);
	}
	if (names_wanted && dns_state(c)->datagram)
		bpf_map_update_elem(&question_names, &key, c->path, BPF_ANY);
	/* Behind the update, so that give_up_questions() sees it, or this. */
	questions_wait = true;
	return 0;
}

/* Counts an answer by the question that it answers; false when none waits. */
__noinline int dns_take_answer(struct connection *c, __u32 id, __u32 hash, __u32 outcome, __u64 now)
{
	struct question_key key;
	struct question *question;
	__u32 operation;
	__u64 time;

	if (!c)
		return false;
	key = question_key(c, id);
	question = find_question(&key, hash);
	if (!question || (__s64)question->waiting <= 0 || has_expired(question, dns_timeout, now))
		return false;
	time = question->time;
	operation = question->operation;
	if (question->waiting > 1) {
		question->time = question->last_time;
		__sync_fetch_and_add(&question->waiting, -1);
	} else if (bpf_map_delete_elem(&questions, &key)) {
		return false;
	} else {
		delete_name(&key);
	}
	name_question(c, hash, now, now - time);
	finish(c, number_of(c, operation, 0, ERROR_NONE) | outcome, now, now - time);
	return true;
}

static __always_inline struct question_key early_key(struct connection *c, __u32 id, __u32 hash)
{
	return (struct question_key){
		.socket = socket_of(c), .hash = hash, .id = id, .role = EARLY_ANSWER
	};
}

/* An answer has come, and no question waits for it. */
__noinline int dns_leave_answer(struct connection *c, __u32 id, __u32 hash, __u32 outcome,
				__u64 now)
{
	struct question_key key;
	struct question added;

	if (!c)
		return 0;
	key = early_key(c, id, hash);
	added = (struct question){ .owner = c->owner, .last_time = now, .operation = outcome };
	if (c->role == ROLE_SERVER || bpf_map_update_elem(&questions, &key, &added, BPF_NOEXIST)) {
		count_stray(c);
		return 0;
	}
	questions_wait = true;
	early_answers_wait = true;
	return 0;
}

/* A question has been asked: counts it if its answer has come already, else returns false. */
__noinline int dns_take_early_answer(struct connection *c, __u32 id, __u32 hash, __u32 operation,
				     __u64 now)
{
	struct question_key key;
	struct question *answer;
	__u32 outcome;

	if (!c || !early_answers_wait || c->role == ROLE_SERVER)
		return false;
	key = early_key(c, id, hash);
	answer = bpf_map_lookup_elem(&questions, &key);
	if (!answer || has_expired(answer, EARLY_TIMEOUT, now))
		return false;
	outcome = answer->operation;
	if (bpf_map_delete_elem(&questions, &key))
		return false;
	name_question(c, dns_state(c)->datagram ? hash : 0, now, 0);
	finish(c, number_of(c, operation, 0, ERROR_NONE) | outcome, now, 0);
	return true;
}

#define QUESTION_ID 0xffffull

static __always_inline __u64 short_key(__u32 id, __u32 hash)
{
	return (__u64)hash << 16 | (id & QUESTION_ID);
}

/* The place of a question that waits on a connection, by the bits of its key in a mask; or -1. */
__noinline int dns_place_of(struct connection *c, __u64 key, __u64 mask)
{
	__u32 n;

	if (!c)
		return -1;
	for (n = 0; n < QUESTIONS_IN_CONNECTION; n++)
		if (*question_slot(c, n) && !((*question_key_slot(c, n) ^ key) & mask))
			return n;
	return -1;
}

/* Removes the question at a place, and returns its word; 0 when there is none, or no such place. */
static __always_inline __u64 remove_question(struct connection *c, __u32 place)
{
	__u64 word;

	/* So that what the verifier sees compared is what is added. */
	barrier_var(place);
	if (place >= QUESTIONS_IN_CONNECTION)
		return 0;
	word = __sync_lock_test_and_set(question_slot(c, place), 0);
	if (word)
		*(volatile __u32 *)&c->responses = c->responses + 1;
	return word;
}

/* A question has been asked on a connection: false when as many wait as there is space for. */
__noinline int dns_wait_on_connection(struct connection *c, __u64 key, __u64 word)
{
	__u32 n;

	if (!c)
		return false;
	for (n = 0; n < QUESTIONS_IN_CONNECTION; n++) {
		if (*question_slot(c, n))
			continue;
		*question_key_slot(c, n) = key;
		barrier();
		*(volatile __u64 *)question_slot(c, n) = word;
		*(volatile __u32 *)&c->requests = c->requests + 1;
		return true;
	}
	return false;
}

/* The connection carries no more answers. */
static __always_inline void give_up_connection(struct connection *c, __u64 now)
{
	__u32 n;

	for (n = 0; n < QUESTIONS_IN_CONNECTION; n++)
		finish_word(c, remove_question(c, n), 0, c->is_reset ? ERROR_RESET : ERROR_CLOSED,
			    now);
}
