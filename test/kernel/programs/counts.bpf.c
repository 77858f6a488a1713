/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What bpf-and-c.test.ts writes in TypeScript: calls of a number, their first argument added up and
 * in a histogram.
 */
#include <ringtap/core.h>
#include <ringtap/account.h>
#include <ringtap/log2.h>
#include <ringtap/task.h>

#define SLOTS 32
#define CALL_NUMBER 4001

KERNEL_TYPES_BEGIN

struct pt_regs {
	unsigned long di;      /* x86 */
	unsigned long regs[1]; /* arm64 */
};

KERNEL_TYPES_END

struct key {
	__u64 start;
	__u32 tgid;
	__u32 flags;
};

struct value {
	__u64 count;
	__u64 bytes;
	__u64 sum;
	__u64 slots[SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10241);
	__type(key, struct key);
	__type(value, struct value);
} counts SEC(".maps");

const struct value zeros = {};

static __always_inline struct value *value_of(struct key *key)
{
	struct value *value = bpf_map_lookup_elem(&counts, key);

	if (value)
		return value;
	bpf_map_update_elem(&counts, key, &zeros, BPF_NOEXIST);
	return bpf_map_lookup_elem(&counts, key);
}

static __always_inline __u64 first_argument(struct pt_regs *regs)
{
	if (bpf_core_field_exists(regs->di))
		return READ(regs, di);
	return READ(regs, regs[0]);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(count_calls, struct pt_regs *regs, long id)
{
	struct process_id process;
	struct value *value;
	struct key key = {};
	__u64 bytes;
	__u32 slot;

	if (id != CALL_NUMBER)
		return 0;
	process = current_process();
	key.start = process.start;
	key.tgid = process.tgid;
	key.flags = READ(current_task(), flags);
	value = value_of(&key);
	if (!value) {
		count_map_full();
		return 0;
	}
	bytes = first_argument(regs) & 0xffff;
	atomic_inc(&value->count);
	__sync_fetch_and_add(&value->bytes, bytes);
	__sync_fetch_and_add(&value->sum, bytes);
	slot = ceil_log2(bytes);
	atomic_inc(&value->slots[slot < SLOTS ? slot : SLOTS - 1]);
	return 0;
}

LICENSE;
