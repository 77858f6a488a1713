// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A ring that its test fills at will: each call of one system call by one process makes one
 * numbered record.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

#define RECORD_MAX 136
#define DISCARD_EVERY 4

const volatile __u32 target_pid = 0;
const volatile __u64 target_nr = 0;
/* Without a wake-up, as programs that wake by bytes waiting submit. */
const volatile _Bool silent = 0;

enum counter { COUNTER_CALLS, COUNTER_OUTPUT, COUNTER_DISCARDED, COUNTER_DROPPED, COUNTER_MAX };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, COUNTER_MAX);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

/* Returns what was there before. One thread makes the calls, so nothing needs to be atomic. */
static __always_inline __u64 count(__u32 which)
{
	__u64 *counter = bpf_map_lookup_elem(&counters, &which);

	return counter ? (*counter)++ : 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, void *regs, long nr)
{
	__u8 record[RECORD_MAX];
	__u64 number, flags = silent ? BPF_RB_NO_WAKEUP : 0;
	__u32 length;
	void *discarded;

	if (bpf_get_current_pid_tgid() >> 32 != target_pid || nr != target_nr)
		return 0;
	number = count(COUNTER_CALLS);
	if (number % DISCARD_EVERY == DISCARD_EVERY - 1) {
		discarded = bpf_ringbuf_reserve(&events, 24, 0);
		if (!discarded) {
			count(COUNTER_DROPPED);
			return 0;
		}
		bpf_ringbuf_discard(discarded, flags);
		count(COUNTER_DISCARDED);
		return 0;
	}
	__builtin_memset(record, number & 0xff, sizeof(record));
	*(__u64 *)record = number;
	length = 8 + (number * 7 & 127);
	count(bpf_ringbuf_output(&events, record, length, flags) ? COUNTER_DROPPED :
								   COUNTER_OUTPUT);
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
