/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What is known of a connection, by its socket: 448 bytes. With its key and what the kernel has of
 * an entry besides it fits into 512 (struct htab_elem, kernel/bpf/hashtab.c; struct llist_node,
 * kernel/bpf/memalloc.c); one byte more, and the kernel would take 1,024.
 */
#pragma once

#include <ringtap/counts.h>
#include <ringtap/sock.h>

/* Connections known at once; not preallocated. */
#define CONNECTIONS_MAX 65536

enum l7_protocol {
	PROTOCOL_UNKNOWN,
	PROTOCOL_HTTP,
	PROTOCOL_REDIS,
	PROTOCOL_POSTGRESQL,
	PROTOCOL_MYSQL,
	PROTOCOL_DNS,
	PROTOCOL_HTTP2,
	PROTOCOL_GRPC, /* requests on a connection of HTTP/2 */
	PROTOCOL_MEMCACHED,
	PROTOCOL_AMQP,
	PROTOCOL_KAFKA,
};

#define LAST_PROTOCOL PROTOCOL_KAFKA

/* As many as numbers of requests and of lines have room for: a power of two. */
#define PROTOCOLS 16

/* The status from which on a response tells of a failure; the same is in src/signals/l7/. */
static __always_inline __u32 failing_status(enum l7_protocol protocol)
{
	switch (protocol) {
	case PROTOCOL_HTTP:
	case PROTOCOL_HTTP2:
		return 400;
	default:
		return 2; /* STATUS_OTHER, words.h */
	}
}

enum l7_role {
	ROLE_CLIENT,
	ROLE_SERVER,
};

/* The two directions of a connection. Of a server's, requests come in RECEIVED. */
enum {
	RECEIVED,
	SENT,
};

/* What a direction waits for. A protocol adds its own, from MODE_PROTOCOL on. */
enum mode {
	MODE_DETECT, /* from the connection's beginning: which protocol is it? */
	MODE_SYNC,   /* the beginning was not seen: for a request at the beginning of a call */
	MODE_OPAQUE, /* nothing more: another protocol, or a tunnel */
	MODE_PROXY_HEADER, /* before the detection: proxy.h */
	MODE_PROTOCOL,
};

/* What the first bytes of a connection, or of a call, are to a protocol. */
enum beginning {
	BEGINS_NOT,
	MAY_BEGIN, /* the bytes that follow will tell */
	BEGINS_REQUEST,
	BEGINS_RESPONSE,
};

/* Why bytes are skipped and requests are lost. */
enum reason {
	REASON_JOINED_LATE, /* the agent did not see the connection's beginning */
	REASON_GAP,	    /* calls that the programs were not run for */
	REASON_UNREADABLE,  /* by a call whose bytes cannot be read, such as sendfile or io_uring */
	REASON_MALFORMED,   /* the bytes are not what the protocol says */
	REASON_MAP_FULL, /* there are as many connections, or requests in a pipeline, as may be */
	REASONS,
};

/* How a request ended without a whole response. */
enum l7_error {
	ERROR_NONE,
	ERROR_TRUNCATED, /* the connection ended within the response, or this says that it is cut */
	ERROR_CLOSED,	 /* the connection ended before the response */
	ERROR_RESET,	 /* the same, by an error of the connection */
	ERROR_ABORTED,	 /* left out by the server, since one before it in its batch failed */
	ERROR_TIMEOUT,	 /* a datagram has not been answered */
};

/* What a connection is to TLS. */
enum tls_layer {
	NOT_TLS,
	TLS_ENCRYPTED,	     /* its bytes are TLS's */
	TLS_ENCRYPTED_WHOLE, /* the same, seen from the first byte on */
	TLS_PLAINTEXT,	     /* its bytes are those that TLS carries: tls.h */
};

struct direction {
	__u64 left;	/* bytes of a body that are to come; a number while its digits come in */
	__u64 word;	/* of requests: when this one began; of responses: the request (queue.h) */
	__u64 carry[2]; /* the beginning of a line, until there is enough of it to be judged */
	/* The sequence number that the next call begins with; a name's number (unix_name.h). */
	__u32 next_seq;
	__u16 status;
	__u8 mode;
	__u8 carry_len;
	__u8 flags;
	__u8 kind;	 /* of what is being read, where a protocol needs that */
	__u16 operation; /* of a request */
	__u32 elements;	 /* of a message: those that are to come */
};

/* Answers come in the order of their requests; so each is known by its number. */
#define SLOTS_IN_CONNECTION 32

/* Bytes that are kept of a request's target. */
#define PATH_LEN 80

/* The slots that a path of HTTP/1.x takes, with what is known of it: a power of two. */
#define PATH_SLOTS 16

struct connection {
	struct actor_key owner; /* who called last, its number 0 */
	/* No other one has it: the address of its socket, its own (tls.h), a cookie (unix.h). */
	__u64 id;
	__u64 sock; /* the address of its socket */
	struct direction directions[2];
	__u32 requests;	 /* that have been seen */
	__u32 responses; /* that have begun */
	__u8 protocol;
	__u8 role;
	__u8 sync_reason; /* in MODE_SYNC: an enum reason */
	__u8 last_direction;
	__u8 is_tunnel;	     /* the requests are over: what follows is no longer the protocol's */
	__u8 is_reset : 1;   /* the connection ended by an error */
	__u8 is_proxied : 1; /* a header of the PROXY protocol has been seen */
	__u8 is_verified;    /* a first line has been seen as a whole */
	__u8 tls;	     /* an enum tls_layer */
	union {
		__u64 state;   /* what a protocol keeps besides */
		__u64 session; /* in its place, with a session_tgid: the SSL (tls.h) */
	};
	__u32 session_tgid; /* its process; 0: there is no session, or it is not known */
	__u8 receipts;	    /* of an encrypted one, by calls outside of OpenSSL's */
	__u8 is_late;	    /* of a session: some was carried before it was known */
	__u8 is_closing;    /* of a session: its socket is being closed; of others: closed.h */
	__u8 is_unix;	    /* unix.h */
	__u32 flow_line;    /* the index of the line that its bytes were counted in last */
	__u32 counted_line; /* that of the line that its last request was counted in */
	union {
		__u64 slots[SLOTS_IN_CONNECTION]; /* queue.h */
		/*
		 * In place of the first of them, of protocols that have paths (path.h): of HTTP/1.x
		 * all of it, of DNS the first three; with statements (statement.h), of those that
		 * have these.
		 */
		struct {
			__u64 path[PATH_LEN / 8];
			__u64 path_time;
			__u32 path_length;
			__u32 counted_route; /* that of counted_path */
			union {
				__u64 path_hash; /* of the whole path; 0: not known */
				__u64 statement; /* the key of that whose text is kept */
			};
			union {
				/* That of the last request counted by its route. */
				__u64 counted_path;
				__u64 bound_statement; /* the key of that bound last */
			};
		};
	};
};

_Static_assert(sizeof(struct connection) == 448, "what an entry of the kernel's has space for");
_Static_assert(__builtin_offsetof(struct connection, counted_path) + sizeof(__u64) <=
		       __builtin_offsetof(struct connection, slots[PATH_SLOTS]),
	       "what is known of a path lies before the slots of HTTP/1.x");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, CONNECTIONS_MAX);
	__type(key, __u64); /* the address of the struct sock */
	__type(value, struct connection);
} connections SEC(".maps");

/* In .rodata: on the stack it would be too large. */
const struct connection no_connection;

static __always_inline struct connection *connection_of(struct sock *sk)
{
	__u64 key = (__u64)sk;

	return bpf_map_lookup_elem(&connections, &key);
}

/* Adds a connection at a key of a map of connections; NULL when it cannot be kept. */
static __always_inline struct connection *new_connection(void *map, const void *key)
{
	if (bpf_map_update_elem(map, key, &no_connection, BPF_NOEXIST))
		return NULL;
	return bpf_map_lookup_elem(map, key);
}

static __always_inline void set_modes(struct connection *c, __u8 mode)
{
	c->directions[RECEIVED].mode = mode;
	c->directions[SENT].mode = mode;
}

/* A direction is before a message, in the mode that reads its beginning; nothing of it is known. */
static __always_inline void begin_message_in(struct direction *d, __u8 mode)
{
	d->left = 0;
	d->carry[0] = 0;
	d->carry[1] = 0;
	d->status = 0;
	d->mode = mode;
	d->carry_len = 0;
	d->flags = 0;
	d->kind = 0;
	d->operation = 0;
	d->elements = 0;
}

/* Does a direction wait for what a connection begins with? */
static __always_inline bool is_beginning_in(const struct direction *d)
{
	return d->mode == MODE_DETECT || d->mode == MODE_PROXY_HEADER;
}

/* The beginning of a new connection was not seen: it is joined where a request begins. */
static __always_inline void join_late(struct connection *c)
{
	c->directions[SENT].mode = MODE_SYNC;
	c->directions[RECEIVED].mode = MODE_SYNC;
	c->sync_reason = REASON_JOINED_LATE;
	c->last_direction = ~0;
}

static __always_inline void delete_connection(struct sock *sk)
{
	__u64 key = (__u64)sk;

	bpf_map_delete_elem(&connections, &key);
}

/* The direction that requests come in. */
static __always_inline __u32 request_direction(const struct connection *c)
{
	return c->role == ROLE_SERVER ? RECEIVED : SENT;
}

/* The number of the name of a Unix socket, as keep_unix_name() gave it (unix_name.h); 0: none. */
static __always_inline __u32 unix_name_of(const struct connection *c)
{
	return c->directions[SENT].next_seq;
}
