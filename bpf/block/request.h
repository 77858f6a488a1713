/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Block requests: the kernel's types, and what a request says of itself. */
#pragma once

#include <ringtap/task.h>

/* enum req_op, include/linux/blk_types.h: the same numbers on all kernels. */
#define REQ_OP_MASK 0xff
#define REQ_OP_READ 0
#define REQ_OP_WRITE 1
#define REQ_OP_FLUSH 2
#define REQ_OP_DISCARD 3
#define REQ_OP_WRITE_ZEROES 9

KERNEL_TYPES_BEGIN

struct cgroup_root {
	int hierarchy_id; /* 0: version 2 */
};

struct gendisk {
	char disk_name[32];
};

struct request_queue {
	struct gendisk *disk; /* since 5.15 (d152c682f03c); absent before */
};

struct blkcg {
	struct cgroup_subsys_state css;
};

struct blkcg_gq {
	struct blkcg *blkcg;
};

struct bio {
	struct blkcg_gq *bi_blkg; /* absent without CONFIG_BLK_CGROUP */
	void *bi_io_vec;
};

struct request {
	struct request_queue *q;
	unsigned int cmd_flags;
	unsigned int rq_flags;
	unsigned int __data_len;
	__u64 __sector;
	struct bio *bio;
	__u64 start_time_ns;
	__u64 io_start_time_ns;
};

/* Before f3fa33acca9f (5.17). */
struct request___rq_disk {
	struct gendisk *rq_disk;
};

/* Bits of rq_flags by their places, since 5f89154e8e9e (6.11), where macros were before. */
enum rqf_flags {
	__RQF_FLUSH_SEQ = 1,
	__RQF_IO_STAT = 8,
};

/* The atomic one came with the same release. */
enum req_flag_bits {
	__REQ_ATOMIC = 1,
};

KERNEL_TYPES_END

/*
 * A bit of rq_flags. The enum has no name on some kernels (6.12), so that type information does not
 * tell its values: they are those of its first version there.
 */
#define RQF_BIT(value, before_enum)                                                    \
	(1u << (bpf_core_enum_value_exists(enum rqf_flags, value) ?                    \
			bpf_core_enum_value(enum rqf_flags, value) :                   \
		bpf_core_enum_value_exists(enum req_flag_bits, __REQ_ATOMIC) ? value : \
									       before_enum))

/* Is it a step of a flush sequence, which ends as a request of its own (block/blk-flush.c)? */
static __always_inline bool is_flush_step(struct request *rq)
{
	return rq->rq_flags & RQF_BIT(__RQF_FLUSH_SEQ, 4);
}

/*
 * Does the kernel count it in the disk's statistics (blk_do_io_stat())? Not those that drivers and
 * programs pass through, nor any of a queue whose `iostats` is 0: their times are not set.
 */
static __always_inline bool is_in_statistics(struct request *rq)
{
	return rq->rq_flags & RQF_BIT(__RQF_IO_STAT, 13);
}

static __always_inline struct gendisk *disk_of(struct request *rq)
{
	struct request___rq_disk *older = (void *)rq;

	if (bpf_core_field_exists(rq->q->disk))
		return rq->q->disk;
	if (bpf_core_field_exists(older->rq_disk))
		return older->rq_disk;
	return NULL;
}

/* What is asked of the disk. */
enum block_operation {
	BLOCK_READ,
	BLOCK_WRITE,
	BLOCK_SYNC, /* a write without data: somebody waits for a flush, which is counted as such */
	BLOCK_FLUSH, /* of the disk's cache; one for all that wait for it */
	BLOCK_DISCARD,
	BLOCK_WRITE_ZEROES,
	BLOCK_OTHER, /* erase, and those of zones */
};

static __always_inline enum block_operation operation_of(struct request *rq)
{
	switch (rq->cmd_flags & REQ_OP_MASK) {
	case REQ_OP_READ:
		return BLOCK_READ;
	case REQ_OP_WRITE:
		return rq->bio && rq->bio->bi_io_vec ? BLOCK_WRITE : BLOCK_SYNC;
	case REQ_OP_FLUSH:
		return BLOCK_FLUSH;
	case REQ_OP_DISCARD:
		return BLOCK_DISCARD;
	case REQ_OP_WRITE_ZEROES:
		return BLOCK_WRITE_ZEROES;
	default:
		return BLOCK_OTHER;
	}
}

/*
 * The id of the control group that the request's first pages are charged to: of write-back, that
 * whose pages they are. 0 where containers are told apart by another hierarchy than the disks'.
 */
static __always_inline __u64 owning_cgroup(struct request *rq)
{
	struct bio *bio = rq->bio;
	struct cgroup *cgroup;

	if (cgroup_source != CGROUP_UNIFIED || !bio || !bpf_core_field_exists(bio->bi_blkg))
		return 0;
	cgroup = bio->bi_blkg->blkcg->css.cgroup;
	return cgroup->root->hierarchy_id ? 0 : cgroup->kn->id;
}
