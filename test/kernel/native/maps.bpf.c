// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * Maps of each kind, filled by a system call of the test's choice or from userspace, and the
 * iterators that walk them.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define ENTRIES 20000

const volatile __u32 target_pid = 0;
const volatile __u64 target_nr = 0;

struct pair {
	__u64 ones;
	__u64 number;
};

#define MAP(name, kind, entries)                   \
	struct {                                   \
		__uint(type, BPF_MAP_TYPE_##kind); \
		__uint(max_entries, entries);      \
		__type(key, __u32);                \
		__type(value, struct pair);        \
	} name SEC(".maps")

MAP(hash, HASH, ENTRIES);
MAP(array, ARRAY, ENTRIES);
MAP(percpu_hash, PERCPU_HASH, ENTRIES);
MAP(percpu_array, PERCPU_ARRAY, ENTRIES);
MAP(lru, LRU_HASH, ENTRIES);

/* Userspace maps it; its values do not fill their places. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, __u32[3]);
} mapped SEC(".maps");

/* Its keys and values have other sizes. */
struct prefix {
	__u32 bits;
	__u32 address;
};

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, ENTRIES);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct prefix);
	__type(value, __u64);
} trie SEC(".maps");

/* A type with a next key but no batch calls. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 16);
	__type(key, __u32);
	__type(value, __u32);
} devices SEC(".maps");

/* Its values cannot be summed in words of 8 bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} odd SEC(".maps");

/* A type that has neither batch calls nor a next key. */
struct {
	__uint(type, BPF_MAP_TYPE_QUEUE);
	__uint(max_entries, 4);
	__type(value, __u64);
} queue SEC(".maps");

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, void *regs, long nr)
{
	__u32 key = 7;
	struct pair *pair;

	if (bpf_get_current_pid_tgid() >> 32 != target_pid || nr != target_nr)
		return 0;
	pair = bpf_map_lookup_elem(&percpu_hash, &key);
	if (pair)
		pair->ones++;
	pair = bpf_map_lookup_elem(&percpu_array, &key);
	if (pair)
		pair->ones++;
	return 0;
}

struct seq_file;
struct task_struct {
	int pid;
	int tgid;
} __attribute__((preserve_access_index));

struct bpf_iter_meta {
	struct seq_file *seq;
	__u64 session_id;
	__u64 seq_num;
} __attribute__((preserve_access_index));

struct bpf_iter__task {
	struct bpf_iter_meta *meta;
	struct task_struct *task;
} __attribute__((preserve_access_index));

struct bpf_iter__bpf_map_elem {
	struct bpf_iter_meta *meta;
	struct bpf_map *map;
	void *key;
	void *value;
};

SEC("iter/task")
int each_task(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	__u32 ids[2];

	if (!task)
		return 0;
	ids[0] = task->pid;
	ids[1] = task->tgid;
	bpf_seq_write(ctx->meta->seq, ids, sizeof(ids));
	return 0;
}

/* 24 bytes: no divisor of a page, so the kernel's own buffer ends inside a record now and then. */
struct entry {
	__u32 key;
	__u32 checksum;
	struct pair pair;
};

SEC("iter/bpf_map_elem")
int each_entry(struct bpf_iter__bpf_map_elem *ctx)
{
	struct pair *pair = ctx->value;
	__u32 *key = ctx->key;
	struct entry entry = {};

	if (!key || !pair)
		return 0;
	entry.key = *key;
	entry.pair = *pair;
	entry.checksum = entry.key ^ 0x5a5a5a5a;
	bpf_seq_write(ctx->meta->seq, &entry, sizeof(entry));
	return 0;
}

/* One entry in a thousand; it ends a piece after 64. */
SEC("iter/bpf_map_elem")
int few_entries(struct bpf_iter__bpf_map_elem *ctx)
{
	static __u32 visited;
	__u32 *key = ctx->key;
	__u64 record;

	if (!key)
		return 0;
	if (visited++ >= 64) {
		visited = 0;
		return 1;
	}
	record = *key;
	if (record % 1000 == 0)
		bpf_seq_write(ctx->meta->seq, &record, sizeof(record));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
