// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * lock: record locks (fcntl(2) with F_SETLK and its kin). A record for each that is asked for, with
 * its outcome; those that are released, of which nothing but the number is of interest, are counted
 * in a map.
 */
#include <ringtap/core.h>
#include <ringtap/ring.h>
#include <ringtap/task.h>

#include <asm-generic/fcntl.h>

/* Processes that release locks; of those beyond, releases are counted as map_full. */
#define MAX_RELEASERS 10240

/* Follows --lock.failures-only while the program runs. */
bool failures_only;

struct lock_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	struct actor actor;
	__u32 error;  /* 0 or the errno */
	__u32 shared; /* 1 for F_RDLCK, 0 for F_WRLCK */
};

EXPORT_RECORD(lock_event);

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, MAX_RELEASERS);
	__type(key, __u32); /* tgid */
	__type(value, __u64);
} releases SEC(".maps");

struct inode;

KERNEL_TYPES_BEGIN

struct file_lock_core {
	unsigned char flc_type;
};

struct file_lock {
	struct file_lock_core c;
};

/* Before Linux 6.9, "filelock: split common fields into struct file_lock_core". */
struct file_lock___flat {
	unsigned char fl_type;
};

KERNEL_TYPES_END

static __always_inline unsigned char type_of(struct file_lock *lock)
{
	if (bpf_core_field_exists(lock->c))
		return READ(lock, c.flc_type);
	return READ((struct file_lock___flat *)lock, fl_type);
}

static __always_inline void count_release(void)
{
	__u32 tgid = current_tgid();
	__u64 none = 0, *count = bpf_map_lookup_elem(&releases, &tgid);

	if (!count) {
		update_or_count(&releases, &tgid, &none, BPF_NOEXIST);
		count = bpf_map_lookup_elem(&releases, &tgid);
	}
	if (count)
		atomic_inc(count);
}

/* Runs once for each fcntl(2) that sets or clears a lock, in its caller's context (fs/locks.c). */
SEC("tp_btf/fcntl_setlk")
int BPF_PROG(lock_setlk, struct inode *inode, struct file_lock *lock, int ret)
{
	struct lock_event *event;
	unsigned char type;

	/* Never so, but newer verifiers ask. */
	if (!lock)
		return 0;
	type = type_of(lock);
	if (type == F_UNLCK) {
		count_release();
		return 0;
	}
	if (failures_only && !ret)
		return 0;
	event = reserve(sizeof(*event));
	if (!event)
		return 0;
	event->time = bpf_ktime_get_ns();
	current_actor(&event->actor);
	event->error = -ret;
	event->shared = type == F_RDLCK;
	submit(event);
	return 0;
}

LICENSE;
