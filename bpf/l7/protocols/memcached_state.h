/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * memcached: what is known of a connection, of its commands and of its replies (protocol.txt and
 * protocol_binary.h of memcached).
 */
#pragma once

#include "../connection.h"
#include "../queue.h"
#include "../words.h"

enum memcached_mode {
	MC_FIRST = MODE_PROTOCOL, /* in a line's first word, or in a header: it is in the carry */
	MC_TOKENS,		  /* in a line's further words, the current one in the carry */
	MC_LINE,		  /* in the rest of a line, nothing of which matters */
	MC_BLOCK,		  /* `left` bytes of data, nothing of which matters */
};

/*
 * Of a command. Its `kind` is an enum memcached_class, its `elements` how many words follow the
 * first one.
 */
#define MC_SILENT 1 /* it has no reply */
#define MC_CAS 2    /* one number more */
#define MC_BAD 4    /* a word is not what it has to be: no data follows; of a reply, too */
#define MC_QUIET 8  /* a flag of a meta command: no reply, unless it is out of the common */

/* Of a reply. Its `kind` is an enum memcached_reply, or the opcode. */
#define MC_BEGUN 1     /* lines of it, or packets, have come before */
#define MC_CONTINUES 2 /* more follows behind this line, or packet */
#define MC_EXTRA 16    /* it answers nothing */

/* Which replies a text command may have: the lower bits of its trait (queue.h). */
enum memcached_class {
	MC_ANY,	   /* also: of the binary protocol */
	MC_VALUES, /* get, gets, gat, gats */
	MC_STORE,  /* set, add, replace, append, prepend, cas */
	MC_COUNT,  /* incr, decr */
	MC_DELETE,
	MC_TOUCH,
	MC_MG,
	MC_MS,
	MC_MD,
	MC_MA,
	MC_MA_VIVIFY, /* with the flag N */
	MC_MN,
	MC_ME,
	MC_STATS,
	MC_VERSION,
	MC_OK, /* flush_all, verbosity, … */
};

/* First words of replies. */
enum memcached_reply {
	REPLY_OTHER,
	REPLY_ERROR, /* also CLIENT_ERROR and SERVER_ERROR */
	REPLY_VALUE,
	REPLY_END,
	REPLY_STORED,
	REPLY_NOT_STORED,
	REPLY_EXISTS,
	REPLY_NOT_FOUND,
	REPLY_NUMBER,
	REPLY_DELETED,
	REPLY_TOUCHED,
	REPLY_VA,
	REPLY_HD,
	REPLY_EN,
	REPLY_NS,
	REPLY_EX,
	REPLY_NF,
	REPLY_MN,
	REPLY_ME,
	REPLY_VERSION,
	REPLY_OK,
	REPLY_RESET,
	REPLY_LISTED, /* a line of a list, such as that of statistics */
};

/* Of a connection. */
struct memcached_state {
	__u16 watch;	/* the operation of a command behind whose reply events follow; 0: none */
	__u8 is_binary; /* its commands are of the binary protocol */
	__u8 is_late;	/* it was joined by what a call begins with */
	__u8 doubts;	/* replies that may have been another command's: so many may be too much */
	__u8 reserved[3];
};

/*
 * Quiet commands that wait at most: of further ones, the first ones are taken to have ended well.
 */
#define MOST_QUIET 1024

/*
 * Replies to commands that were sent before a connection was joined, as many as may still come: one
 * that the command which waits cannot have is taken for one of these.
 */
#define MC_LATE_DOUBTS 32

/* Of a key, in the text protocol (KEY_MAX_LENGTH, memcached.h of memcached). */
#define MC_KEY_MAX 250

/* Of data (INT_MAX - 2, process_update_command(), proto_text.c of memcached 1.6.18). */
#define MC_DATA_MAX 0x7ffffffd

/* Of the binary protocol: a header's first bytes, as far as they matter, of 24. */
#define MC_REQUEST 0x80
#define MC_RESPONSE 0x81
#define MC_HEAD 12
#define MC_HEADER 24
#define MC_STAT 0x10
#define MC_QUITQ 0x17

/* The names of operations and the codes of failures: src/signals/l7/protocols/memcached.ts. */
const volatile struct word memcached_words[WORDS];

/* The number of the operation of an opcode; 0 of one that is not known. */
const volatile __u16 memcached_opcodes[256];

static __always_inline struct memcached_state *memcached_state(struct connection *c)
{
	return (struct memcached_state *)&c->state;
}

/* Has a command of this opcode a reply only where it is out of the common? */
static __always_inline bool is_quiet_opcode(__u32 opcode)
{
#define OPCODE(number) (1ull << (number))
	const __u64 quiet = OPCODE(0x09) | OPCODE(0x0d) | OPCODE(0x11) | OPCODE(0x12) |
			    OPCODE(0x13) | OPCODE(0x14) | OPCODE(0x15) | OPCODE(0x16) |
			    OPCODE(0x17) | OPCODE(0x18) | OPCODE(0x19) | OPCODE(0x1a) |
			    OPCODE(0x1e) | OPCODE(0x24) | OPCODE(0x32) | OPCODE(0x34) |
			    OPCODE(0x36) | OPCODE(0x38) | OPCODE(0x3a) | OPCODE(0x3c);
#undef OPCODE

	return opcode < 64 && quiet >> opcode & 1;
}

/*
 * Which replies a command of this name may have. The first eight letters tell them apart. Global,
 * as others here, so that it is verified once.
 */
__noinline int class_of_command(__u64 low)
{
	switch (low) {
	case BYTES8('g', 'e', 't', 0, 0, 0, 0, 0):
	case BYTES8('g', 'e', 't', 's', 0, 0, 0, 0):
	case BYTES8('g', 'a', 't', 0, 0, 0, 0, 0):
	case BYTES8('g', 'a', 't', 's', 0, 0, 0, 0):
	case BYTES8('b', 'g', 'e', 't', 0, 0, 0, 0):
		return MC_VALUES;
	case BYTES8('s', 'e', 't', 0, 0, 0, 0, 0):
	case BYTES8('a', 'd', 'd', 0, 0, 0, 0, 0):
	case BYTES8('r', 'e', 'p', 'l', 'a', 'c', 'e', 0):
	case BYTES8('a', 'p', 'p', 'e', 'n', 'd', 0, 0):
	case BYTES8('p', 'r', 'e', 'p', 'e', 'n', 'd', 0):
	case BYTES8('c', 'a', 's', 0, 0, 0, 0, 0):
		return MC_STORE;
	case BYTES8('i', 'n', 'c', 'r', 0, 0, 0, 0):
	case BYTES8('d', 'e', 'c', 'r', 0, 0, 0, 0):
		return MC_COUNT;
	case BYTES8('d', 'e', 'l', 'e', 't', 'e', 0, 0):
		return MC_DELETE;
	case BYTES8('t', 'o', 'u', 'c', 'h', 0, 0, 0):
		return MC_TOUCH;
	case BYTES8('m', 'g', 0, 0, 0, 0, 0, 0):
		return MC_MG;
	case BYTES8('m', 's', 0, 0, 0, 0, 0, 0):
		return MC_MS;
	case BYTES8('m', 'd', 0, 0, 0, 0, 0, 0):
		return MC_MD;
	case BYTES8('m', 'a', 0, 0, 0, 0, 0, 0):
		return MC_MA;
	case BYTES8('m', 'n', 0, 0, 0, 0, 0, 0):
		return MC_MN;
	case BYTES8('m', 'e', 0, 0, 0, 0, 0, 0):
		return MC_ME;
	case BYTES8('s', 't', 'a', 't', 's', 0, 0, 0):
		return MC_STATS;
	case BYTES8('v', 'e', 'r', 's', 'i', 'o', 'n', 0):
		return MC_VERSION;
	case BYTES8('f', 'l', 'u', 's', 'h', '_', 'a', 'l'):
	case BYTES8('v', 'e', 'r', 'b', 'o', 's', 'i', 't'):
	case BYTES8('w', 'a', 't', 'c', 'h', 0, 0, 0):
		return MC_OK;
	default:
		return MC_ANY;
	}
}

/* What a reply is that begins with this word. */
__noinline int reply_of_word(__u64 low, bool is_whole_line)
{
	switch (low) {
	case BYTES8('E', 'R', 'R', 'O', 'R', 0, 0, 0):
	case BYTES8('E', 'R', 'R', 'O', 'R', ':', 0, 0):
	case BYTES8('C', 'L', 'I', 'E', 'N', 'T', '_', 'E'):
	case BYTES8('S', 'E', 'R', 'V', 'E', 'R', '_', 'E'):
		return REPLY_ERROR;
	case BYTES8('V', 'A', 'L', 'U', 'E', 0, 0, 0):
		return REPLY_VALUE;
	case BYTES8('E', 'N', 'D', 0, 0, 0, 0, 0):
		return REPLY_END;
	case BYTES8('S', 'T', 'O', 'R', 'E', 'D', 0, 0):
		return REPLY_STORED;
	case BYTES8('N', 'O', 'T', '_', 'S', 'T', 'O', 'R'):
		return REPLY_NOT_STORED;
	case BYTES8('E', 'X', 'I', 'S', 'T', 'S', 0, 0):
		return REPLY_EXISTS;
	case BYTES8('N', 'O', 'T', '_', 'F', 'O', 'U', 'N'):
		return REPLY_NOT_FOUND;
	case BYTES8('D', 'E', 'L', 'E', 'T', 'E', 'D', 0):
		return REPLY_DELETED;
	case BYTES8('T', 'O', 'U', 'C', 'H', 'E', 'D', 0):
		return REPLY_TOUCHED;
	case BYTES8('V', 'A', 0, 0, 0, 0, 0, 0):
		return REPLY_VA;
	case BYTES8('H', 'D', 0, 0, 0, 0, 0, 0):
		return REPLY_HD;
	case BYTES8('O', 'K', 0, 0, 0, 0, 0, 0):
		/* Other servers have words behind it. */
		return is_whole_line ? REPLY_OK : REPLY_OTHER;
	case BYTES8('E', 'N', 0, 0, 0, 0, 0, 0):
		return REPLY_EN;
	case BYTES8('N', 'S', 0, 0, 0, 0, 0, 0):
		return REPLY_NS;
	case BYTES8('E', 'X', 0, 0, 0, 0, 0, 0):
		return REPLY_EX;
	case BYTES8('N', 'F', 0, 0, 0, 0, 0, 0):
		return REPLY_NF;
	case BYTES8('M', 'N', 0, 0, 0, 0, 0, 0):
		return REPLY_MN;
	case BYTES8('M', 'E', 0, 0, 0, 0, 0, 0):
		return REPLY_ME;
	case BYTES8('V', 'E', 'R', 'S', 'I', 'O', 'N', 0):
		return REPLY_VERSION;
	case BYTES8('R', 'E', 'S', 'E', 'T', 0, 0, 0):
		return REPLY_RESET;
	case BYTES8('S', 'T', 'A', 'T', 0, 0, 0, 0):
	case BYTES8('I', 'T', 'E', 'M', 0, 0, 0, 0):
	case BYTES8('P', 'R', 'E', 'F', 'I', 'X', 0, 0):
	case BYTES8('m', 'g', 0, 0, 0, 0, 0, 0):
		return REPLY_LISTED;
	default:
		if ((__u32)low == ('k' | 'e' << 8 | 'y' << 16 | '=' << 24))
			return REPLY_LISTED;
		return (low & 0xff) - '0' < 10 ? REPLY_NUMBER : REPLY_OTHER;
	}
}

/* Traits of quiet commands. None but meta commands are. */
enum {
	MC_QUIET_MG = TRAIT_QUIET | MC_MG,
	MC_QUIET_MS = TRAIT_QUIET | MC_MS,
	MC_QUIET_MD = TRAIT_QUIET | MC_MD,
	MC_QUIET_MA = TRAIT_QUIET | MC_MA,
	MC_QUIET_MA_VIVIFY = TRAIT_QUIET | MC_MA_VIVIFY,
};

#define REPLY(name) (1u << REPLY_##name)
#define OF_MA (REPLY(VA) | REPLY(HD) | REPLY(NF) | REPLY(NS) | REPLY(EX) | REPLY(ERROR))

/* Bits of enum memcached_reply, by trait. Quiet commands have not each reply that others have. */
static const __u32 memcached_replies[TRAITS] = {
	[MC_ANY] = ~0u,
	[MC_VALUES] = REPLY(VALUE) | REPLY(END) | REPLY(ERROR),
	[MC_STORE] = REPLY(STORED) | REPLY(NOT_STORED) | REPLY(EXISTS) | REPLY(NOT_FOUND) |
		     REPLY(ERROR),
	[MC_COUNT] = REPLY(NUMBER) | REPLY(NOT_FOUND) | REPLY(ERROR),
	[MC_DELETE] = REPLY(DELETED) | REPLY(NOT_FOUND) | REPLY(ERROR),
	[MC_TOUCH] = REPLY(TOUCHED) | REPLY(NOT_FOUND) | REPLY(ERROR),
	[MC_MG] = REPLY(VA) | REPLY(HD) | REPLY(EN) | REPLY(ERROR),
	[MC_MS] = REPLY(HD) | REPLY(NS) | REPLY(EX) | REPLY(NF) | REPLY(ERROR),
	[MC_MD] = REPLY(HD) | REPLY(NF) | REPLY(EX) | REPLY(ERROR),
	[MC_MA] = OF_MA,
	[MC_MA_VIVIFY] = OF_MA,
	[MC_MN] = REPLY(MN) | REPLY(ERROR),
	[MC_ME] = REPLY(ME) | REPLY(EN) | REPLY(ERROR),
	[MC_STATS] = REPLY(LISTED) | REPLY(END) | REPLY(RESET) | REPLY(OK) | REPLY(ERROR),
	[MC_VERSION] = REPLY(VERSION) | REPLY(ERROR),
	[MC_OK] = REPLY(OK) | REPLY(ERROR),
	[MC_QUIET_MG] = REPLY(VA) | REPLY(HD) | REPLY(ERROR),
	[MC_QUIET_MS] = REPLY(NS) | REPLY(EX) | REPLY(NF) | REPLY(ERROR),
	[MC_QUIET_MD] = REPLY(NF) | REPLY(EX) | REPLY(ERROR),
	[MC_QUIET_MA] = REPLY(NF) | REPLY(NS) | REPLY(EX) | REPLY(ERROR),
	[MC_QUIET_MA_VIVIFY] = OF_MA,
};

#undef OF_MA
#undef REPLY

/* May a command of this trait have this reply? */
static __always_inline bool is_reply_to(__u32 trait, __u32 reply)
{
	return memcached_replies[trait & (TRAITS - 1)] >> (reply & 31) & 1;
}

static __always_inline void begin_memcached_message(struct direction *d)
{
	begin_message_in(d, MC_FIRST);
}
