// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The parts that tracing system calls is made of, to be measured one by one: each constant adds one
 * to the two programs on sys_enter and sys_exit.
 */
#include <ringtap/log2.h>
#include <ringtap/core.h>
#include <ringtap/syscall.h>

#define SLOTS 32 /* a power of two: an index is masked, which every compiler leaves as it is */
#define ENTRIES 65536

/* Where the start time lies. */
enum place {
	PLACE_NONE,
	PLACE_HASH,
	PLACE_STORAGE,
	PLACE_CPU,
};

enum counts {
	COUNTS_NONE,
	COUNTS_IN_STORAGE,
	COUNTS_HASH,
	COUNTS_HASH_ATOMIC,
	COUNTS_HASH_PREALLOCATED,
	COUNTS_HASH_PER_CPU,
	COUNTS_ARRAY_ATOMIC,
};

const volatile bool read_clock = false; /* at both ends */
const volatile __u32 place = PLACE_NONE;
const volatile __u32 counts = COUNTS_NONE;

struct call {
	__u64 start;
	__u32 nr;
	__u32 reserved;
	__u64 duration;
	__u64 slots[SLOTS];
};

struct {
	__uint(type, BPF_MAP_TYPE_TASK_STORAGE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, int);
	__type(value, struct call);
} storage SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct call);
} cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENTRIES);
	__type(key, __u32);
	__type(value, struct call);
} array SEC(".maps");

#define HASH(name, kind, flags)               \
	struct {                              \
		__uint(type, kind);           \
		__uint(map_flags, flags);     \
		__uint(max_entries, ENTRIES); \
		__type(key, __u64);           \
		__type(value, struct call);   \
	} name SEC(".maps")

HASH(started, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC);
HASH(hash, BPF_MAP_TYPE_HASH, BPF_F_NO_PREALLOC);
HASH(preallocated, BPF_MAP_TYPE_HASH, 0);
HASH(per_cpu, BPF_MAP_TYPE_PERCPU_HASH, 0);

static struct call none;

static __always_inline struct call *counts_in(void *map, __u32 nr)
{
	__u64 key = (bpf_get_current_pid_tgid() >> 32 << 32) | nr;
	struct call *found = bpf_map_lookup_elem(map, &key);

	if (!found)
		bpf_map_update_elem(map, &key, &none, BPF_NOEXIST);
	return found;
}

/* An open hash table, in which the loop's line is the first that is looked at. */
static __always_inline struct call *line_of(__u32 nr)
{
	__u64 key = (bpf_get_current_pid_tgid() >> 32 << 32) | nr;
	__u32 index = (key * 0x9e3779b97f4a7c15ull >> 32) & (ENTRIES - 1);
	struct call *line = bpf_map_lookup_elem(&array, &index);

	if (!line || line->start == key)
		return line;
	line->start = key;
	return NULL;
}

static __always_inline struct call *counts_of(struct call *call, __u32 nr)
{
	switch (counts) {
	case COUNTS_IN_STORAGE:
		return call;
	case COUNTS_HASH:
	case COUNTS_HASH_ATOMIC:
		return counts_in(&hash, nr);
	case COUNTS_HASH_PREALLOCATED:
		return counts_in(&preallocated, nr);
	case COUNTS_HASH_PER_CPU:
		return counts_in(&per_cpu, nr);
	case COUNTS_ARRAY_ATOMIC:
		return line_of(nr);
	default:
		return NULL;
	}
}

static __always_inline void count(struct call *to, __u64 duration)
{
	__u32 slot = ceil_log2_seconds(duration) & (SLOTS - 1);

	if (counts == COUNTS_HASH_ATOMIC || counts == COUNTS_ARRAY_ATOMIC) {
		__sync_fetch_and_add(&to->duration, duration);
		__sync_fetch_and_add(&to->slots[slot], 1);
	} else {
		to->duration += duration;
		to->slots[slot]++;
	}
}

static __always_inline struct call *hashed_call(bool is_start)
{
	__u64 task = bpf_get_current_task();
	struct call *call = bpf_map_lookup_elem(&started, &task);

	if (!call && is_start)
		bpf_map_update_elem(&started, &task, &none, BPF_ANY);
	return call;
}

static __always_inline struct call *call_under_way(bool is_start)
{
	__u32 zero = 0;

	switch (place) {
	case PLACE_HASH:
		return hashed_call(is_start);
	case PLACE_STORAGE:
		return bpf_task_storage_get(&storage, bpf_get_current_task_btf(), NULL,
					    is_start ? BPF_LOCAL_STORAGE_GET_F_CREATE : 0);
	case PLACE_CPU:
		return bpf_map_lookup_elem(&cpu, &zero);
	default:
		return NULL;
	}
}

SEC("tp_btf/sys_enter")
int BPF_PROG(parts_enter, struct pt_regs *regs, long id)
{
	__u64 now = read_clock ? bpf_ktime_get_ns() : 0;
	struct call *call = call_under_way(true);

	if (call) {
		call->start = now;
		call->nr = id;
	}
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(parts_exit, struct pt_regs *regs, long ret)
{
	__u64 now = read_clock ? bpf_ktime_get_ns() : 0;
	struct call *call = call_under_way(false), *to;

	if (!call)
		return 0;
	to = counts_of(call, call->nr);
	if (to)
		count(to, now - call->start);
	return 0;
}

/* A signal that looks at the end of every call for the few that concern it. */
#define LOOKER(name)                                                                 \
	SEC("tp_btf/sys_exit")                                                       \
	int BPF_PROG(name, struct pt_regs *regs, long ret)                           \
	{                                                                            \
		return unmarked_syscall_nr(regs) == NR_CONNECT && ret == 0x7fffffff; \
	}

LOOKER(looker_1)
LOOKER(looker_2)
LOOKER(looker_3)

/* The same by classic tracepoints, which the kernel calls for their own system call only. */
SEC("tp/syscalls/sys_exit_connect")
int classic_1(void *ctx)
{
	return 0;
}

SEC("tp/syscalls/sys_exit_accept4")
int classic_2(void *ctx)
{
	return 0;
}

LICENSE;
