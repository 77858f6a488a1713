/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who issued the requests under way. block_io_start fires for each request in the context of the
 * task that issued it (blk_account_io_start(), block/blk-mq.c; since 6.5, 5a80bd075f3b). What it
 * finds is kept in an array that is used as a hash table by the request's address, which costs half
 * of a hash map. A request is one of few that belong to its queue for good, so that an address is
 * that of one request at a time, and what one has left, having been merged into another, its next
 * use overwrites.
 */
#pragma once

#include <ringtap/counts.h>

#include "request.h"

/* Places, a power of two: some times as many as requests are under way at once. */
const volatile __u32 issuer_slots = 8192;
#define SLOT_PROBES 4

enum block_origin {
	ORIGIN_UNKNOWN,
	ORIGIN_PROCESS,
	ORIGIN_WRITEBACK, /* a kernel thread writes pages back that processes have changed */
	ORIGIN_KERNEL,	  /* another thread of the kernel: a journal, a loop device, … */
};

struct issuer {
	__u64 request; /* its address; 0: free */
	__u64 tid;     /* the thread; enum block_origin in the high half */
	__u64 pair;    /* tgid */
	__u64 start;   /* from here on as in struct actor_key */
	__u64 comm[COMM_LEN / 8];
	__u64 cgroup;
	__u64 check; /* all other words, so that what two CPUs have written at once is found out */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 8192);
	__type(key, __u32);
	__type(value, struct issuer);
} issuers SEC(".maps");

KERNEL_TYPES_BEGIN

/* kernel/kthread.c, kernel/workqueue_internal.h */
struct kthread {
	void *data; /* of a worker of a work queue, it */
};

struct worker {
	char desc[24];
};

struct task_struct___kthread {
	void *worker_private; /* since e32cf5dfbe22 (5.17), long before block_io_start */
};

KERNEL_TYPES_END

#define PF_WQ_WORKER 0x00000020 /* include/linux/sched.h */

/*
 * Does a thread of the kernel write back? wb_workfn() (fs/fs-writeback.c) describes its worker as
 * "flush-" and the device.
 */
static __always_inline bool is_flusher(struct task_struct *task)
{
	struct task_struct___kthread *typed = (void *)task;
	struct kthread *kthread = NULL;
	struct worker *worker = NULL;

	if (!(READ(task, flags) & PF_WQ_WORKER))
		return false;
	if (!bpf_core_field_exists(typed->worker_private) || !bpf_core_field_exists(worker->desc) ||
	    !bpf_core_field_exists(kthread->data))
		return false;
	kthread = READ(typed, worker_private);
	worker = READ(kthread, data);
	/* "flush-" */
	return (word_at(&worker->desc) & 0xffffffffffffull) == 0x2d6873756c66ull;
}

static __always_inline enum block_origin origin_of_current(struct request *rq)
{
	struct task_struct *task = current_task();

	if (!(READ(task, flags) & PF_KTHREAD))
		return ORIGIN_PROCESS;
	return (rq->cmd_flags & REQ_OP_MASK) == REQ_OP_WRITE && is_flusher(task) ?
		       ORIGIN_WRITEBACK :
		       ORIGIN_KERNEL;
}

static __always_inline __u64 check_of(const struct issuer *issuer)
{
	return issuer->request ^ issuer->tid ^ issuer->pair ^ issuer->start ^ issuer->comm[0] ^
	       issuer->comm[1] ^ issuer->cgroup;
}

/* Requests are 64 bytes apart at least. */
static __always_inline __u32 home_of(__u64 request)
{
	return (request >> 6) * 0x9e3779b97f4a7c15ull >> 32;
}

/* The place that holds `wanted`, 0 for a free one, among those of a request. */
static __always_inline struct issuer *find_slot(__u64 request, __u64 wanted)
{
	__u32 home = home_of(request), probe, index;
	struct issuer *slot;

	for (probe = 0; probe < SLOT_PROBES; probe++) {
		index = (home + probe) & (issuer_slots - 1);
		slot = bpf_map_lookup_elem(&issuers, &index);
		if (slot && slot->request == wanted)
			return slot;
	}
	return NULL;
}

/* Keeps who issues a request. Where all places are taken, that remains unknown. */
static __always_inline void insert_issuer(struct request *rq)
{
	__u64 address = address_of(rq);
	struct actor_key key = {};
	struct issuer *slot;

	slot = find_slot(address, address) ?: find_slot(address, 0);
	if (!slot)
		return;
	current_actor_key(&key, 0);
	slot->request = address;
	slot->tid = (__u64)origin_of_current(rq) << 32 | current_tid();
	slot->pair = key.process.pair;
	slot->start = key.process.start;
	slot->comm[0] = key.comm[0];
	slot->comm[1] = key.comm[1];
	slot->cgroup = key.cgroup;
	slot->check = check_of(slot);
}

/* Takes out what insert_issuer() has kept of a request; false where there is nothing. */
static __always_inline bool find_issuer(struct issuer *issuer, struct request *rq, bool is_last)
{
	__u64 address = address_of(rq);
	struct issuer *slot = find_slot(address, address);

	if (!slot)
		return false;
	*issuer = *slot;
	if (is_last)
		slot->request = 0;
	return issuer->check == check_of(issuer);
}
