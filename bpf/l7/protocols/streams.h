/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Requests that are known by the number of a stream, and are answered in any order (HTTP/2). Those
 * that are open are in a map. One CPU may see requests and another one responses at the same time;
 * so a stream's word is exchanged, never changed: the second one of a request and the end of its
 * response finds the first one's word, and counts the request.
 */
#pragma once

#include "../finish.h"

/* Streams that are open at once, of all connections; not preallocated. */
#define STREAMS_MAX 65536

/* Of a request's word: it is a call of gRPC. */
#define TRAIT_GRPC 1

/* In place of 1 + a grpc-status: there was one, which is no known number. */
#define GRPC_OTHER 31

struct stream_key {
	__u64 connection;
	__u64 id;
};

struct stream {
	__u64 word;	  /* of the request; or of the response, when that has ended before */
	__u16 status;	  /* of the response's head; 0 when it is not known */
	__u8 has_head;	  /* of the response */
	__u8 grpc_status; /* 1 + that; 0: it has not been seen */
	__u32 reserved;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, STREAMS_MAX);
	__type(key, struct stream_key);
	__type(value, struct stream);
} streams SEC(".maps");

/* Entries of a header table that say something; what they replace is no longer known. */
#define HPACK_ENTRIES 20

/* The longest part of a name or a value that is compared. */
#define HPACK_TEXT 24

/* What a direction of HTTP/2 has besides struct direction: its header block (hpack.h). */
struct http2_direction {
	__u32 inserted; /* entries, into the dynamic table, since it is followed */
	__u32 value;	/* an integer that comes in; of a string: bytes that are to come */
	__u8 mode;	/* enum hpack_mode */
	__u8 field;	/* enum hpack_field */
	__u8 shift;	/* of an integer's next bits */
	__u8 padding;	/* at the end of the frame */
	__u8 length;	/* of a string, at most 255 */
	__u8 known;	/* bytes of it in `text` */
	__u8 flags;
	__u8 slot; /* where the last entry was inserted */
	__u8 text[HPACK_TEXT];
	__u16 numbers[HPACK_ENTRIES]; /* of the entries that say something, their low halves */
	__u16 meanings[HPACK_ENTRIES];
};

/* In place of a connection's slots, which are for answers that come in order. */
struct http2_connection {
	struct http2_direction directions[2];
	__u32 highest; /* stream of a request that has been seen */
	__u32 open;    /* streams of this connection in the map */
	__u32 table;   /* of the header blocks of requests (header_blocks.h); 0: none yet */
	__u32 parts;   /* of header blocks, sent or lost; and TABLE_IS_WHOLE */
};

#define TABLE_IS_WHOLE (1u << 31)

_Static_assert(sizeof(struct http2_connection) <= sizeof(no_connection.slots), "http2_connection");

/* In a connection's state: it lasts when requests were lost. */
struct streams_state {
	/* The first stream that is followed: when both directions were. NEVER: not yet. */
	__u32 known_from;
	/* Streams from here on that are not known are counted as lost when they end. */
	__u32 lost_from;
};

#define NEVER 0xffffffffu

static __always_inline struct http2_connection *http2_of(struct connection *c)
{
	return (struct http2_connection *)c->slots;
}

static __always_inline struct streams_state *streams_state(struct connection *c)
{
	return (struct streams_state *)&c->state;
}

/* The number of a request that ends (request_counts.h). Of a call, the method says nothing. */
static __always_inline __u32 number_of_stream(const struct connection *c, __u64 word, __u32 status,
					      __u32 grpc_status, enum l7_error error)
{
	__u32 kind = c->role << ROLE_SHIFT | error << ERROR_SHIFT;

	if (trait_of(word) == TRAIT_GRPC || grpc_status)
		return PROTOCOL_GRPC << PROTOCOL_SHIFT | kind | grpc_status;
	return PROTOCOL_HTTP2 << PROTOCOL_SHIFT | kind | operation_of(word) << OPERATION_SHIFT |
	       (status & 1023);
}

/* By what userspace knows the path of a stream's request. */
static __always_inline __u64 name_of_stream(struct connection *c, __u32 id)
{
	return blocks_wanted ? (__u64)http2_of(c)->table << 32 | id : 0;
}

static __always_inline void delete_stream(struct connection *c, const struct stream_key *key)
{
	bpf_map_delete_elem(&streams, key);
	__sync_fetch_and_add(&http2_of(c)->open, -1);
}

/* A request's head is whole: its stream is open, unless its response has ended before. */
__noinline int open_stream(struct connection *c, __u32 id, __u64 word)
{
	struct stream_key key = { .id = id };
	struct stream fresh = { .word = word }, *stream;
	__u32 status, grpc_status;
	enum l7_error error;
	__u64 response, units;

	if (!c)
		return 0;
	key.connection = c->id;
	if (!bpf_map_update_elem(&streams, &key, &fresh, BPF_NOEXIST)) {
		__sync_fetch_and_add(&http2_of(c)->open, 1);
		return 0;
	}
	stream = bpf_map_lookup_elem(&streams, &key);
	if (!stream) {
		count_lost(c, REASON_MAP_FULL, 1);
		return 0;
	}
	response = __sync_lock_test_and_set(&stream->word, word);
	if (!(response & TAG_RESPONSE))
		return 0;
	status = operation_of(response);
	grpc_status = trait_of(response);
	error = !(response & TAG_HEAD) ? ERROR_NONE : status ? ERROR_TRUNCATED : ERROR_RESET;
	units = (response - word) & WORD_TIME;
	finish_named(c, number_of_stream(c, word, status, grpc_status, error), bpf_ktime_get_ns(),
		     units >> 45 ? 0 : units << 6, name_of_stream(c, id));
	delete_stream(c, &key);
	return 0;
}

/* The stream of an id that a response comes on; NULL when it is not followed. */
static __always_inline struct stream *answered_stream(struct connection *c,
						      const struct stream_key *key)
{
	/* Read first: a request's stream is in the map before it is the highest. */
	__u32 highest = READ_ONCE(http2_of(c)->highest);
	struct stream fresh = {}, *stream;

	barrier();
	stream = bpf_map_lookup_elem(&streams, key);
	if (stream || key->id <= highest || !(key->id & 1) || streams_state(c)->known_from == NEVER)
		return stream;
	/* The call that has sent the request has not returned yet. */
	if (!bpf_map_update_elem(&streams, key, &fresh, BPF_NOEXIST))
		__sync_fetch_and_add(&http2_of(c)->open, 1);
	return bpf_map_lookup_elem(&streams, key);
}

/*
 * A header block of a response has been seen: its head, with a status of 0 when that is not known,
 * or its trailers.
 */
__noinline int answer_stream(struct connection *c, __u32 id, __u32 status, __u32 grpc_status)
{
	struct stream_key key = { .id = id };
	struct stream *stream;

	if (!c)
		return 0;
	key.connection = c->id;
	stream = answered_stream(c, &key);
	if (!stream)
		return 0;
	if (!stream->has_head) {
		stream->has_head = 1;
		stream->status = status;
	}
	if (grpc_status)
		stream->grpc_status = grpc_status;
	return 0;
}

/*
 * A response has ended, or with `is_reset` a stream before its response has. `how`, from bit 1 on,
 * is whether a stream that is not followed is counted as lost.
 */
#define IS_RESET 1
#define MAY_BE_LOST 2

__noinline int close_stream(struct connection *c, __u32 id, __u64 now, __u32 how)
{
	struct stream_key key = { .id = id };
	enum l7_error error = ERROR_NONE;
	struct stream *stream;
	__u64 word, response;

	if (!c)
		return 0;
	key.connection = c->id;
	stream = answered_stream(c, &key);
	if (!stream) {
		if (how & MAY_BE_LOST && id >= streams_state(c)->lost_from &&
		    id < streams_state(c)->known_from)
			count_lost(c, c->sync_reason, 1);
		return 0;
	}
	if (how & IS_RESET)
		error = stream->has_head ? ERROR_TRUNCATED : ERROR_RESET;
	response = request_word(now, stream->status, stream->grpc_status);
	response = (response ^ TAG_REQUEST) | TAG_RESPONSE | (error ? TAG_HEAD : 0);
	word = __sync_lock_test_and_set(&stream->word, response);
	/* Else the request counts it: open_stream(). */
	if (word & TAG_REQUEST) {
		finish_named(c,
			     number_of_stream(c, word, stream->status, stream->grpc_status, error),
			     now, duration_since(word, now), name_of_stream(c, id));
		delete_stream(c, &key);
	}
	return 0;
}

/* Is this a tunnel that has been built? Then the request ends with the response's head. */
__noinline int is_tunnel_stream(struct connection *c, __u32 id, __u32 connect)
{
	struct stream_key key = { .id = id };
	struct stream *stream;

	if (!c)
		return 0;
	key.connection = c->id;
	stream = bpf_map_lookup_elem(&streams, &key);
	return stream && stream->word & TAG_REQUEST && operation_of(stream->word) == connect &&
	       stream->status / 100 == 2;
}

struct ending {
	struct connection *c;
	__u64 now;
	struct stream_key key;
	__u32 error; /* enum l7_error; ERROR_NONE: the streams are lost */
	__u32 ended;
};

static __always_inline void end_stream(struct ending *ending, const struct stream_key *key,
				       struct stream *stream)
{
	struct connection *c = ending->c;
	enum l7_error error = ending->error;

	if (error) {
		if (stream->has_head)
			error = ERROR_TRUNCATED;
		if (stream->word & TAG_REQUEST)
			finish_named(c,
				     number_of_stream(c, stream->word, stream->status,
						      stream->grpc_status, error),
				     ending->now, duration_since(stream->word, ending->now),
				     name_of_stream(c, key->id));
		else
			count_lost(c, REASON_GAP, 1);
	}
	ending->ended++;
	delete_stream(c, key);
}

/*
 * Streams that are tried one by one, from the highest down: those that are open are mostly there.
 */
#define STREAMS_TRIED 8192

static long end_next_stream(__u32 index, struct ending *ending)
{
	struct stream *stream;

	if (!READ_ONCE(http2_of(ending->c)->open) || !ending->key.id)
		return 1;
	stream = bpf_map_lookup_elem(&streams, &ending->key);
	if (stream)
		end_stream(ending, &ending->key, stream);
	ending->key.id = ending->key.id > 2 ? ending->key.id - 2 : 0;
	return 0;
}

static long end_own_stream(void *map, const struct stream_key *key, struct stream *stream,
			   struct ending *ending)
{
	struct stream_key own = *key;

	if (own.connection == ending->c->id)
		end_stream(ending, &own, stream);
	return !READ_ONCE(http2_of(ending->c)->open);
}

/*
 * All open streams of a connection end: by this error, or, with ERROR_NONE, it is not known how.
 * Returns how many there were.
 */
int end_streams(struct connection *c, __u64 now, __u32 error)
{
	struct ending ending = { .now = now, .error = error };

	if (!c)
		return 0;
	ending.c = c;
	ending.key.connection = c->id;
	ending.key.id = http2_of(c)->highest;
	if (http2_of(c)->open)
		bpf_loop(STREAMS_TRIED, end_next_stream, &ending, 0);
	if (http2_of(c)->open)
		bpf_for_each_map_elem(&streams, end_own_stream, &ending, 0);
	if (!error) {
		if (streams_state(c)->lost_from <= http2_of(c)->highest)
			streams_state(c)->lost_from = http2_of(c)->highest + 1;
		streams_state(c)->known_from = NEVER;
	}
	return ending.ended;
}
