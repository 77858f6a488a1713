/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The memory of a call, which call.h finds. */
#pragma once

#include <ringtap/core.h>

/* Of a native caller (include/linux/socket.h, struct user_msghdr), and of a 32-bit one. */
struct native_vectors {
	__u64 name;
	__u64 namelen;
	__u64 vectors;
	__u64 count;
};

struct compat_vectors {
	__u32 name;
	__u32 namelen;
	__u32 vectors;
	__u32 count;
};

/*
 * The memory of a call: one buffer, or vectors of buffers. In the scratch (reader.h), since a frame
 * below which others lie has no space for it.
 */
struct call_memory {
	__u64 address; /* of the buffer, or of the vectors; 0: not known */
	__u32 vectors; /* 0: one buffer */
	bool is_compat;
	__u32 place;  /* of a call for several datagrams that returns: the one that is taken */
	__u64 name;   /* of a datagram: the struct sockaddr of its other end; 0: none */
	__u64 left;   /* the call's bytes in the vectors that are to come */
	__u64 piece;  /* the address of what the current vector has of them; 0: not known */
	__u64 length; /* bytes in it */
	union {	      /* as the caller has them */
		struct native_vectors native;
		struct compat_vectors compat;
		__u64 native_vector[2];
		__u32 compat_vector[2];
	};
};
