// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * block: requests to disks, by who issued them, disk and operation: how many, how long, how large.
 *
 * A request has its own times, so that one program at its end does without a map of starts:
 * `start_time_ns` is when it was made, `io_start_time_ns` when its driver got it.
 * The tracepoint fires for each part of a request that is done (blk_update_request(),
 * block/blk-mq.c); the request is counted with its last bytes, once, however many bios were merged
 * into it. So counts are those of /sys/block/<disk>/stat.
 *
 * Who issued a request, another program has kept since its beginning (issuers.h): in the end, any
 * task may be current. Without that program the control group is known that its pages belong to.
 */
#include <ringtap/core.h>
#include <ringtap/ring.h>

#include "issuers.h"
#include "request.h"
#include "request_counts.h"

/* Are requests counted? In `ringtap trace`, no one reads counts. */
const volatile bool counting = true;

/* Which requests have a record. Userspace changes it while the program runs. */
volatile bool failures_wanted;
volatile bool successes_wanted; /* those that take slow_ns at least */
volatile __u64 slow_ns;

struct block_event {
	__u64 time;	/* its end, CLOCK_MONOTONIC, ns */
	__u64 duration; /* ns */
	__u64 served;	/* by the driver, ns; 0: the kernel does not note it */
	__u64 sector; /* of 512 bytes, the first; at the end of those that are done part by part */
	struct actor actor;
	char disk[DISK_LEN];
	__u32 bytes; /* of the last part */
	__u32 error; /* as in a line's number */
	enum block_operation operation;
	enum block_origin origin;
};

EXPORT_RECORD(block_event);

/* "~writeback", "~unknown": who has issued what no process has. */
static const char writeback_comm[COMM_LEN] __attribute__((aligned(8))) = "~writeback";
static const char unknown_comm[COMM_LEN] __attribute__((aligned(8))) = "~unknown";

/* A request, or a part of it, that has ended. */
struct ending {
	struct request *rq;
	struct block_key key;
	__u64 now;
	__u64 bytes;
	__u32 tid;
	__u32 error;
	enum block_operation operation;
	enum block_origin origin;
};

/* Sets whom it counts for. */
static __always_inline void describe_issuer(struct ending *ending, bool is_last)
{
	struct actor_key *actor = &ending->key.actor;
	struct issuer issuer;

	ending->origin = ORIGIN_UNKNOWN;
	if (ending->operation == BLOCK_FLUSH) {
		ending->origin = ORIGIN_KERNEL;
		__builtin_memcpy(actor->comm, unknown_comm, COMM_LEN);
		return;
	}
	if (find_issuer(&issuer, ending->rq, is_last))
		ending->origin = issuer.tid >> 32 & 3;
	if (ending->origin == ORIGIN_PROCESS || ending->origin == ORIGIN_KERNEL) {
		ending->tid = issuer.tid;
		actor->process.pair = issuer.pair;
		actor->process.start = issuer.start;
		actor->comm[0] = issuer.comm[0];
		actor->comm[1] = issuer.comm[1];
		actor->cgroup = issuer.cgroup;
		return;
	}
	__builtin_memcpy(actor->comm,
			 ending->origin == ORIGIN_WRITEBACK ? writeback_comm : unknown_comm,
			 COMM_LEN);
	actor->cgroup = owning_cgroup(ending->rq);
}

static __always_inline void send_record(const struct ending *ending, __u64 duration, __u64 served)
{
	const struct actor_key *actor = &ending->key.actor;
	struct block_event *event = reserve(sizeof(*event));

	if (!event)
		return;
	event->time = ending->now;
	event->duration = duration;
	event->served = served;
	event->sector = ending->rq->__sector;
	event->actor.tgid = actor->process.pair;
	event->actor.tid = ending->tid;
	__builtin_memcpy(event->actor.comm, actor->comm, COMM_LEN);
	__builtin_memcpy(event->actor.thread_comm, actor->comm, COMM_LEN);
	event->actor.cgroup = actor->cgroup;
	__builtin_memcpy(event->disk, ending->key.disk, DISK_LEN);
	event->bytes = ending->bytes;
	event->error = ending->error;
	event->operation = ending->operation;
	event->origin = ending->origin;
	submit(event);
}

/* Counts a request's end. */
static __always_inline void count_end(struct block_line *line, __u64 duration, __u64 served)
{
	atomic_inc(&line->requests);
	observe(&line->duration, line->slots, duration);
	if (!served)
		return;
	observe(&line->queued, line->queue_slots, duration - served);
	observe(&line->served, line->device_slots, served);
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_complete, struct request *rq, int error, unsigned int bytes)
{
	struct ending ending = { .rq = rq, .bytes = bytes };
	__u64 duration = 0, served = 0;
	bool is_last, has_record;
	struct gendisk *disk;
	struct block_line *line;
	__u32 number;

	ending.operation = operation_of(rq);
	if (ending.operation != BLOCK_FLUSH && !is_in_statistics(rq))
		return 0;
	is_last = rq->__data_len <= bytes &&
		  (ending.operation == BLOCK_FLUSH || !is_flush_step(rq));
	if (!is_last && !bytes)
		return 0;
	ending.error = error < 0 ? -error : error ? (error & 0xff) | STATUS : 0;
	describe_issuer(&ending, is_last);
	disk = disk_of(rq);
	if (disk) {
		const __u64 *name = (void *)disk->disk_name;

		ending.key.disk[0] = name[0];
		ending.key.disk[1] = name[1];
	}
	/* What follows is the same for all of them: the verifier need not walk it for each. */
	ending.error = unknown(ending.error);
	ending.origin = unknown(ending.origin);
	ending.operation = unknown(ending.operation);
	ending.tid = unknown(ending.tid);
	number = ending.error << ERROR_SHIFT | ending.origin << ORIGIN_SHIFT | ending.operation;
	ending.key.actor.process.pair = (__u64)number << 32 | (__u32)ending.key.actor.process.pair;
	has_record = false;
	if (is_last) {
		ending.now = bpf_ktime_get_ns();
		duration = ending.now - rq->start_time_ns;
		if (rq->io_start_time_ns)
			served = ending.now - rq->io_start_time_ns;
		if (served > duration)
			served = duration;
		has_record = ending.error ? failures_wanted :
					    successes_wanted && duration >= slow_ns;
	}
	if (counting) {
		struct block_key key = ending.key;

		line = line_of(&key);
		if (!line) {
			if (is_last)
				count_map_full();
			return 0;
		}
		if (bytes)
			add(&line->bytes, bytes);
		if (ending.error)
			atomic_inc(&line->errors);
		if (has_record)
			atomic_inc(&line->with_record);
		if (is_last)
			count_end(line, duration, served);
	}
	if (has_record)
		send_record(&ending, duration, served);
	return 0;
}

SEC("tp_btf/block_io_start")
int BPF_PROG(block_start, struct request *rq)
{
	insert_issuer(rq);
	return 0;
}

LICENSE;
