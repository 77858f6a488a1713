/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Reads the bytes of a call in order, through a window. */
#pragma once

#include "bytes.h"
#include "call_memory.h"
#include "connection.h"

#define WINDOW 256

/* The same for protocols whose messages are short, and come many at once. */
#define WIDE_WINDOW 1024

/* Bytes of a line that are searched at once, and that a line's beginning is judged by. */
#define STRIDE 64
#define BEGINNING 16

/* The programs that take bytes. Those of calls have their direction's number. */
enum program {
	IN_RECEIVE = RECEIVED,
	IN_SEND = SENT,
	IN_STATE,
	IN_DESTROY,
	PROGRAMS,
};

/* At most so many bytes are read of a call for what it may begin. */
#define OPENING 32

/* A call that returns (returns.h). */
struct returned_call {
	__u64 inode; /* the number of its socket's */
	__u32 flags; /* MSG_… */
	__u32 how;   /* datagram.h */
	/* Of a call for datagrams: */
	__u32 bytes;	 /* of the datagram that is taken */
	__u32 datagrams; /* of the call */
	__u32 place;	 /* of the next one */
	__u32 vector;	 /* the next one of the datagram that is taken */
	bool is_begun;
	bool is_batch;
	bool is_void; /* it asked for nothing */
};

/* What redis_whole.h knows again: a command, and … */
#define KNOWN_COMMANDS 4

struct known_command {
	__u64 head;	 /* its first eight bytes */
	__u64 name;	 /* those that follow, … */
	__u64 of_name;	 /* … and a mask of those that are its name's */
	__u16 operation; /* what it is */
	__u8 strings;	 /* how many it consists of */
	__u8 first;	 /* where the one behind its name begins */
};

/* … a line that says how long a string is, by its place in a command; of replies the first. */
#define KNOWN_LINES 16

struct known_line {
	__u64 word;   /* its first eight bytes, those behind it set in … */
	__u64 beyond; /* … the mask of these */
	__u32 line;   /* bytes of the line */
	__u32 bytes;  /* the same with the string, and its end of line */
};

/* What postgresql_whole.h knows again: the first word of a statement, or of what was done. */
#define KNOWN_WORDS 4

struct known_word {
	__u64 word;	 /* it and the byte behind it, the bytes that follow set in … */
	__u64 beyond;	 /* … the mask of these */
	__u32 bytes;	 /* those of the word, and the one behind it */
	__u32 operation; /* what it is */
};

/*
 * Per CPU and program: no program runs within itself on a CPU, also where it is preempted
 * (bpf_prog->active, __bpf_trace_run()); but another one may run within it.
 */
struct scratch {
	/* Behind the window lies what was there before; an index that is masked may go as far. */
	__u8 bytes[2 * WIDE_WINDOW + STRIDE + BEGINNING];
	__u64 opaque; /* of this call's bytes */
	__u64 skipped;
	__u64 now;	/* 0: not read yet */
	__u64 position; /* the address of the next byte; 0: the bytes cannot be read */
	__u64 window;	/* the address of the window's first byte */
	__u32 filled;	/* bytes in the window */
	__u32 left;	/* bytes from the position on */
	__u32 direction;
	__u32 reason;	     /* why they cannot be read */
	__u32 skipped_for;   /* enum reason */
	__u32 line;	     /* the index of one, in the window */
	__u32 is_path_taken; /* from these bytes, in path.h */
	__u32 unsent;	     /* so many are left behind what header_blocks.h has sent */
	__u32 alike;	     /* requests that are still to be counted, of this … */
	__u32 alike_number;  /* … number and … */
	__u64 alike_duration;
	struct known_command commands[KNOWN_COMMANDS]; /* that redis_whole.h has met last */
	struct known_line lines[KNOWN_LINES];
	struct known_word words[2 * KNOWN_WORDS]; /* of statements, then of what was done */
	struct call_memory memory;
	struct returned_call call;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, PROGRAMS);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

/* All numbers are in the scratch: on the stack, the verifier would tell their values apart. */
struct reader {
	struct connection *c;
	struct scratch *scratch;
};

static __always_inline struct direction *direction_of(struct reader *r)
{
	return &r->c->directions[r->scratch->direction & 1];
}

static __always_inline bool is_of_requests(struct reader *r)
{
	return r->scratch->direction == request_direction(r->c);
}

/*
 * The time of the call. Read once, and only where it matters: that takes a while. Global, so that
 * it is verified once.
 */
__noinline __u64 call_time(struct connection *c, struct scratch *scratch)
{
	if (!c || !scratch)
		return 0;
	if (!scratch->now && scratch->direction == SENT && c->tls != TLS_PLAINTEXT)
		scratch->now = sent_time((struct sock *)c->sock);
	if (!scratch->now)
		scratch->now = bpf_ktime_get_ns();
	return scratch->now;
}

static __always_inline __u64 now_of(struct reader *r)
{
	return call_time(r->c, r->scratch);
}

static __always_inline void consume(struct reader *r, __u32 bytes)
{
	r->scratch->left -= bytes;
	r->scratch->position += r->scratch->position ? bytes : 0;
}

/* Steps over as many of a direction's `left` bytes as there are. */
static __always_inline void step_over_left(struct reader *r, struct direction *d)
{
	__u32 bytes = d->left < r->scratch->left ? d->left : r->scratch->left;

	d->left -= bytes;
	consume(r, bytes);
}

/* Is a direction in this mode, and are so many bytes among its `left` ones, only counted there? */
static __always_inline bool lies_in_left(const struct connection *c, __u32 direction, __u8 mode,
					 __u64 bytes)
{
	const struct direction *d = &c->directions[direction & 1];

	return d->mode == mode && d->left >= bytes;
}

/* In place of an address: the bytes are those that the carry has from before the detection. */
#define CARRIED 1

/*
 * Begins with `bytes` bytes of a call from this address on, or, with 0 for the address, bytes that
 * cannot be read for this reason. `how` is the direction, and the reason from bit 1 on.
 */
static __always_inline void begin_reading(struct reader *r, __u64 address, __u64 bytes, __u32 how)
{
	struct scratch *scratch = r->scratch;

	scratch->position = address;
	scratch->window = 0;
	scratch->filled = 0;
	scratch->left = bytes;
	scratch->direction = how & 1;
	scratch->reason = how >> 1;
	scratch->now = 0;
	scratch->is_path_taken = 0;
	scratch->unsent = ~0;
	if (address == CARRIED) {
		struct direction *d = direction_of(r);

		*(__u64 *)scratch->bytes = d->carry[0];
		scratch->window = CARRIED;
		scratch->filled = bytes;
		scratch->now = d->word;
		d->carry[0] = 0;
		d->carry_len = 0;
	}
}

/* Takes what is left of a call in a mode that no protocol knows. False when the mode is another. */
static __always_inline bool take_rest(struct reader *r, struct direction *d)
{
	if (d->mode == MODE_OPAQUE) {
		r->scratch->opaque += r->scratch->left;
	} else if (d->mode == MODE_SYNC) {
		r->scratch->skipped += r->scratch->left;
		r->scratch->skipped_for = r->c->sync_reason;
	} else {
		return false;
	}
	return true;
}

/*
 * Makes at least `wanted` bytes, or all that are left, readable from the index on that it returns,
 * at most `window` - 1; -1 when the memory cannot be read. `available` is how many are.
 */
static __always_inline int make_available_in(struct reader *r, __u32 wanted, __u32 *available,
					     __u32 window)
{
	__u64 index = r->scratch->position - r->scratch->window;
	__u32 size = r->scratch->left;

	if (index < r->scratch->filled && (r->scratch->filled - index >= wanted ||
					   r->scratch->filled - index >= r->scratch->left)) {
		*available = r->scratch->filled - index < r->scratch->left ?
				     r->scratch->filled - index :
				     r->scratch->left;
		return index & (window - 1);
	}
	if (size > window)
		size = window;
	r->scratch->window = r->scratch->position;
	r->scratch->filled = 0;
	if (!r->scratch->position ||
	    bpf_probe_read_user(r->scratch->bytes, size, (void *)r->scratch->position))
		return -1;
	r->scratch->filled = size;
	*available = size;
	return 0;
}

static __always_inline int make_available(struct reader *r, __u32 wanted, __u32 *available)
{
	return make_available_in(r, wanted, available, WINDOW);
}

/*
 * A number, of which the verifier does not know any more what it may be: else it would follow each
 * round of a loop for each way that leads to it. `unknown` is a value of which it knows nothing.
 */
static __always_inline __u32 unbounded(__u32 number, __u32 unknown)
{
	number ^= unknown;
	barrier_var(number);
	return number ^ unknown;
}

/*
 * Eight bytes of the window, the first one lowest. By a pointer of which the compiler does not know
 * that it is one to bytes: else it loads one byte after another.
 */
static __always_inline __u64 load(struct reader *r, __u32 index)
{
	const __u8 *bytes = &r->scratch->bytes[index];

	return *(const __u64 *)bytes;
}

/*
 * The place of the first end of line in the STRIDE bytes from `index` on; STRIDE for none. Of most
 * words the first test is enough: it also holds of bytes from 0x80 on.
 */
static __always_inline __u32 find_newline(struct reader *r, __u32 index)
{
	const __u64 ones = 0x0101010101010101ull;
	const __u8 *bytes = &r->scratch->bytes[index];
	__u64 word, found;

#define FIND_IN_WORD(offset)                                     \
	word = *(const __u64 *)(bytes + (offset)) ^ ones * '\n'; \
	found = (word - ones) & ones * 0x80;                     \
	if (found) {                                             \
		found &= ~word;                                  \
		if (found)                                       \
			return (offset) + lowest_byte(found);    \
	}
	FIND_IN_WORD(0);
	FIND_IN_WORD(8);
	FIND_IN_WORD(16);
	FIND_IN_WORD(24);
	FIND_IN_WORD(32);
	FIND_IN_WORD(40);
	FIND_IN_WORD(48);
	FIND_IN_WORD(56);
#undef FIND_IN_WORD
	return STRIDE;
}

/*
 * A number of up to seven digits at the beginning of a word, and the carriage return behind it: how
 * many bytes these are; 0 when that is not what the word has.
 */
static __always_inline __u32 read_number(__u64 word, __u64 *number)
{
	const __u64 ones = 0x0101010101010101ull;
	__u64 other = word ^ ones * '\r', digits;
	__u32 count;

	other = (other - ones) & ~other & ones * 0x80;
	if (!other)
		return 0;
	count = lowest_byte(other);
	if (!count)
		return 0;
	/* As the last ones of eight digits. */
	digits = (word ^ ones * '0') << (64 - 8 * count);
	if (((digits + ones * (0x80 - 10)) | digits) & ones * 0x80)
		return 0;
	/* Pairs of digits, then fours, then all eight. */
	digits = digits * 10 + (digits >> 8);
	*number = ((digits & 0x000000ff000000ffull) * 0x000f424000000064ull +
		   (digits >> 16 & 0x000000ff000000ffull) * 0x0000271000000001ull) >>
		  32;
	return count + 1;
}
