/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Whom a request counts for, and as what. */
#pragma once

#include <ringtap/counts.h>

#include "request.h"

#define DISK_LEN 16 /* of a disk's name; the kernel's have up to 32 bytes (DISK_NAME_LEN) */

enum block_origin {
	ORIGIN_UNKNOWN,
	ORIGIN_PROCESS,
	ORIGIN_WRITEBACK, /* a kernel thread writes pages back that processes have changed */
	ORIGIN_KERNEL,	  /* another thread of the kernel: a journal, a loop device, … */
};

/*
 * The number of the actor's key has the operation in bits 0 to 7, the origin from 8, and from 16 on
 * the error: that of the tracepoint, an errno (negated) before 8a7d267b4a2c (5.16), a blk_status_t
 * since then, which is above ERRNO_LIMIT here.
 */
#define ORIGIN_SHIFT 8
#define ERROR_SHIFT 16
#define STATUS 0x8000

struct block_key {
	struct actor_key actor;
	__u64 disk[DISK_LEN / 8]; /* the beginning of its name; 0 in overflow lines */
};

#define KEY_WORDS (sizeof(struct block_key) / sizeof(__u64))

static __always_inline __u32 number_of(enum block_operation operation, enum block_origin origin)
{
	return origin << ORIGIN_SHIFT | operation;
}

/* Sets the disk of a request. */
static __always_inline void copy_disk(struct block_key *key, struct request *rq)
{
	struct gendisk *disk = disk_of(rq);
	const __u64 *name;

	if (!disk)
		return;
	name = (void *)disk->disk_name;
	key->disk[0] = name[0];
	key->disk[1] = name[1];
}

/* "~writeback", "~unknown": who has issued what no process has. */
static const char writeback_comm[COMM_LEN] __attribute__((aligned(8))) = "~writeback";
static const char unknown_comm[COMM_LEN] __attribute__((aligned(8))) = "~unknown";

/*
 * Sets whom a request counts for that no process has issued, or none that is known: the group whose
 * pages it has.
 */
static __always_inline void set_no_actor(struct block_key *key, struct request *rq,
					 enum block_operation operation, enum block_origin origin)
{
	key->actor.process = process_key(0, 0, number_of(operation, origin));
	__builtin_memcpy(key->actor.comm,
			 origin == ORIGIN_WRITEBACK ? writeback_comm : unknown_comm, COMM_LEN);
	key->actor.cgroup = operation == BLOCK_FLUSH ? 0 : owning_cgroup(rq);
}
