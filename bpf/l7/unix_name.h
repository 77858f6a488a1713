/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The names of Unix sockets: those that servers bind, and that both ends of a connection know. */
#pragma once

#include <ringtap/sock.h>

#include "bytes.h"
#include "connection.h"
#include "path.h"

/* Bytes of a name, in words: sun_path of struct sockaddr_un (include/uapi/linux/un.h). */
#define UNIX_NAME_LEN 112
#define SUN_PATH 2

/* Names that are known at once; those that were met longest ago go first. */
#define UNIX_NAMES_MAX 1024

/* Zeros behind its end. The first byte of an abstract name is zero. */
struct unix_name {
	__u64 words[UNIX_NAME_LEN / 8];
};

/* By what records have: keep_unix_name(). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, UNIX_NAMES_MAX);
	__type(key, __u32);
	__type(value, struct unix_name);
} unix_names SEC(".maps");

KERNEL_TYPES_BEGIN

struct sockaddr_un {
	__u16 sun_family;
};

/* include/net/af_unix.h */
struct unix_address {
	int len; /* of the struct sockaddr_un that follows */
	struct sockaddr_un name[];
};

struct unix_sock {
	struct unix_address *addr;
	struct sock *peer;
};

KERNEL_TYPES_END

/* The name that a socket is bound to, which the sockets that it accepts have too; else NULL. */
static __always_inline struct unix_address *unix_address_of(struct sock *sk)
{
	struct unix_sock *of = (void *)sk;

	return READ(of, addr);
}

/*
 * Keeps the name of a connection, which one of its ends has: a number for records; 0 where there is
 * none, or where another name has this number.
 */
static __noinline __u32 keep_unix_name(struct sock *sk)
{
	struct unix_address *address = unix_address_of(sk);
	struct unix_name name = {}, *kept;
	struct unix_sock *of = (void *)sk;
	__u64 from, hash = path_seed, differs = 0;
	__s32 length;
	__u32 n, id;

	if (!address) {
		struct sock *peer = READ(of, peer);

		address = peer ? unix_address_of(peer) : NULL;
	}
	if (!address)
		return 0;
	length = READ(address, len);
	length -= SUN_PATH;
	if (length <= 0)
		return 0;
	from = address_of(address) + bpf_core_field_offset(struct unix_address, name) + SUN_PATH;
	for (n = 0; n < UNIX_NAME_LEN / 8 && 8 * (__s32)n < length; n++) {
		name.words[n] = lowest(word_at((void *)(from + 8 * n)), length - 8 * n);
		hash = mixed(hash, name.words[n]);
	}
	id = hash ^ hash >> 32;
	if (!id)
		id = 1;
	bpf_map_update_elem(&unix_names, &id, &name, BPF_NOEXIST);
	kept = bpf_map_lookup_elem(&unix_names, &id);
	if (!kept)
		return 0;
	for (n = 0; n < UNIX_NAME_LEN / 8; n++)
		differs |= kept->words[n] ^ name.words[n];
	return differs ? 0 : id;
}
