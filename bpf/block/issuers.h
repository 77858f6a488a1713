/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Who issued the requests under way. block_io_start fires for each request in the context of the
 * task that issued it (blk_account_io_start(), block/blk-mq.c; since 6.5, 5a80bd075f3b). What it
 * finds is kept in an array that is used as a hash table by the request's address, which costs half
 * of a hash map. A request is one of few that belong to its queue for good, so that an address is
 * that of one request at a time. When it has ended its place stays, for its next use, which mostly
 * is by the same process; until then another request may take it.
 */
#pragma once

#include "key.h"
#include "request.h"

/* Places, a power of two: some times as many as requests are under way at once. */
const volatile __u32 issuer_slots = 8192;
#define SLOT_PROBES 4

struct issuer {
	__u64 request; /* its address, and SLOT_IDLE when it has ended; 0: free */
	struct block_key key;
	__u64 check; /* all other words, so that what two CPUs have written at once is found out */
	__u32 home;  /* line_home_of() the key */
	__u32 tid;   /* the thread */
};

/* Addresses have this bit free. */
#define SLOT_IDLE 1

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
static __noinline bool is_flusher(struct task_struct *task)
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

static __always_inline enum block_origin origin_of(struct task_struct *task, struct request *rq)
{
	if (!(READ(task, flags) & PF_KTHREAD))
		return ORIGIN_PROCESS;
	return (rq->cmd_flags & REQ_OP_MASK) == REQ_OP_WRITE && is_flusher(task) ?
		       ORIGIN_WRITEBACK :
		       ORIGIN_KERNEL;
}

static __always_inline __u64 check_of(const struct issuer *issuer, __u64 request)
{
	const __u64 *words = &issuer->key.actor.process.pair;
	__u64 check = request;

#pragma unroll
	for (__u32 word = 0; word < KEY_WORDS; word++)
		check ^= words[word];
	return check;
}

/*
 * The index of the place `probe` of a request. Requests are some 300 bytes at least, and those of a
 * queue lie side by side: so do their places, since each further page costs as much as all the
 * rest.
 */
static __always_inline __u32 index_of(__u64 request, __u32 probe)
{
	__u32 far = (request >> 21) * 0x9e3779b97f4a7c15ull >> 32;

	return (far + (request >> 8) + probe) & (issuer_slots - 1);
}

/*
 * The index of the place that a request has had before, else of one that none has that is under
 * way. A number, and not the place: the verifier need not walk what follows for each.
 */
static __noinline __u32 search_slot(__u64 request)
{
	__u32 index, found = ~0u;
	struct issuer *slot;

	for (__u32 probe = 0; probe < SLOT_PROBES; probe++) {
		index = index_of(request, probe);
		slot = bpf_map_lookup_elem(&issuers, &index);
		if (!slot || (slot->request | SLOT_IDLE) == (request | SLOT_IDLE))
			return unknown(index);
		if (found == ~0u && (!slot->request || slot->request & SLOT_IDLE))
			found = unknown(index);
	}
	/*
	 * Of requests that were merged into others, or whose disk has gone, no end is seen. When
	 * all places are taken, such ones have to go.
	 */
	return unknown(found != ~0u ? found : index_of(request, 0));
}

/* The place itself; mostly it is the first. */
static __always_inline struct issuer *slot_for(__u64 request)
{
	__u32 index = index_of(request, 0);
	struct issuer *slot = bpf_map_lookup_elem(&issuers, &index);

	if (slot && (slot->request | SLOT_IDLE) == (request | SLOT_IDLE))
		return slot;
	index = search_slot(request);
	return bpf_map_lookup_elem(&issuers, &index);
}

/* Keeps who issues a request. */
static __always_inline void insert_issuer(struct request *rq)
{
	struct task_struct *task = bpf_get_current_task_btf();
	__u64 address = address_of(rq);
	enum block_operation operation = operation_of(rq);
	enum block_origin origin = origin_of(task, rq);
	struct issuer *slot = slot_for(address);
	struct block_key key = {};
	const __u64 *words = &key.actor.process.pair;
	__u64 *kept, differs;

	if (!slot)
		return;
	if (origin == ORIGIN_WRITEBACK)
		set_no_actor(&key, rq, operation, origin);
	else
		actor_key_of(&key.actor, task, number_of(operation, origin));
	copy_disk(&key, rq);
	kept = &slot->key.actor.process.pair;
	differs = slot->request ^ (address | SLOT_IDLE);
#pragma unroll
	for (__u32 word = 0; word < KEY_WORDS; word++)
		differs |= kept[word] ^ words[word];
	if (differs) {
		slot->request = address;
#pragma unroll
		for (__u32 word = 0; word < KEY_WORDS; word++)
			kept[word] = words[word];
		slot->home = line_home_of(words, KEY_WORDS);
		slot->check = check_of(slot, address);
	}
	slot->tid = task->pid;
	slot->request = address;
}

/* What insert_issuer() has kept of a request; NULL where there is nothing. */
static __always_inline struct issuer *find_issuer(__u64 request)
{
	struct issuer *slot = slot_for(request);

	return slot && slot->request == request && check_of(slot, request) == slot->check ? slot :
											    NULL;
}
