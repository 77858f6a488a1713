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

/* A request, or a part of it, that has ended. */
struct ending {
	struct request *rq;
	const struct block_key *key;
	__u64 now;
	__u64 duration;
	__u64 served;
	__u32 tid;
	__u32 bytes;
};

static __noinline int send_record(const struct ending *ending)
{
	const struct actor_key *actor = &ending->key->actor;
	struct block_event *event = reserve(sizeof(*event));
	__u32 number = actor->process.pair >> 32;

	if (!event)
		return 0;
	event->time = ending->now;
	event->duration = ending->duration;
	event->served = ending->served;
	event->sector = ending->rq->__sector;
	event->actor.tgid = actor->process.pair;
	event->actor.tid = ending->tid;
	__builtin_memcpy(event->actor.comm, actor->comm, COMM_LEN);
	__builtin_memcpy(event->actor.thread_comm, actor->comm, COMM_LEN);
	event->actor.cgroup = actor->cgroup;
	__builtin_memcpy(event->disk, ending->key->disk, DISK_LEN);
	event->bytes = ending->bytes;
	event->error = number >> ERROR_SHIFT;
	event->operation = number & 0xff;
	event->origin = number >> ORIGIN_SHIFT & 0xff;
	submit(event);
	return 0;
}

/*
 * Sets whom a request counts for that has failed, or of which no one knows who has issued it. The
 * line_home_of() of that.
 */
static __noinline __u32 describe(struct block_key *key, const struct issuer *issuer,
				 struct request *rq, __u32 error)
{
	enum block_operation operation = operation_of(rq);

	__builtin_memset(key, 0, sizeof(*key));
	if (issuer) {
		*key = issuer->key;
	} else {
		set_no_actor(key, rq, operation,
			     operation == BLOCK_FLUSH ? ORIGIN_KERNEL : ORIGIN_UNKNOWN);
		copy_disk(key, rq);
	}
	key->actor.process.pair |= (__u64)error << (32 + ERROR_SHIFT);
	/* The verifier need not walk what follows for each of them. */
	for (__u32 word = 0; word < KEY_WORDS; word++)
		(&key->actor.process.pair)[word] = unknown((&key->actor.process.pair)[word]);
	return line_home_of(&key->actor.process.pair, KEY_WORDS);
}

/* Counts a request, or a part of it; false for want of a line. */
static __always_inline bool count(const struct ending *ending, __u32 home, bool is_last,
				  bool has_record)
{
	struct block_line *line = line_of(ending->key, home);

	if (!line) {
		if (is_last)
			count_map_full();
		return false;
	}
	if (ending->bytes)
		add(&line->bytes, ending->bytes);
	if (ending->key->actor.process.pair >> (32 + ERROR_SHIFT))
		atomic_inc(&line->errors);
	if (has_record)
		atomic_inc(&line->with_record);
	if (is_last)
		count_end(line, ending->duration, ending->served);
	return true;
}

SEC("tp_btf/block_rq_complete")
int BPF_PROG(block_complete, struct request *rq, int error, unsigned int bytes)
{
	bool is_flush = (rq->cmd_flags & REQ_OP_MASK) == REQ_OP_FLUSH;
	struct ending ending = { .rq = rq, .bytes = bytes };
	bool is_last, has_record = false;
	struct issuer *issuer;
	struct block_key own;
	__u32 home, code;

	if (!is_flush && !is_in_statistics(rq))
		return 0;
	is_last = rq->__data_len <= bytes && (is_flush || !is_flush_step(rq));
	if (!is_last && !bytes)
		return 0;
	issuer = find_issuer(address_of(rq));
	if (issuer)
		ending.tid = issuer->tid;
	if (issuer && !error) {
		ending.key = &issuer->key;
		home = issuer->home;
	} else {
		code = error < 0 ? -error : error ? (error & 0xff) | STATUS : 0;
		home = describe(&own, issuer, rq, code);
		ending.key = &own;
	}
	/* What follows is the same for all of them: the verifier need not walk it for each. */
	home = unknown(home);
	ending.tid = unknown(ending.tid);
	if (is_last) {
		ending.now = bpf_ktime_get_ns();
		/* A line tells by its sums that it has grown. */
		ending.duration = ending.now - rq->start_time_ns ?: 1;
		if (rq->io_start_time_ns)
			ending.served = ending.now - rq->io_start_time_ns;
		if (ending.served > ending.duration)
			ending.served = ending.duration;
		has_record = error ? failures_wanted :
				     successes_wanted && ending.duration >= slow_ns;
	}
	if ((!counting || count(&ending, home, is_last, has_record)) && has_record)
		send_record(&ending);
	if (issuer && is_last)
		issuer->request = address_of(rq) | SLOT_IDLE;
	return 0;
}

SEC("tp_btf/block_io_start")
int BPF_PROG(block_start, struct request *rq)
{
	insert_issuer(rq);
	return 0;
}

LICENSE;
