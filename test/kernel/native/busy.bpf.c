// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * A record that stays busy as long as its test wants: the program that reserved it spins until the
 * test clears a flag.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/*
 * bpf_loop's own limit is 8 Mi rounds, some 50 ms; this many times that ends the spinning should
 * the test have died.
 */
#define SPINS (1 << 23)
#define MOST_WAITS 60

const volatile __u64 slow_nr = 0;
const volatile __u32 fast_pid = 0;
const volatile __u64 fast_nr = 0;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} hold SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

static long released(__u32 round, void *unused)
{
	__u32 key = 0;
	volatile __u64 *flag = bpf_map_lookup_elem(&hold, &key);

	return !flag || !*flag;
}

static long wait(__u32 round, void *unused)
{
	bpf_loop(SPINS, released, NULL, 0);
	return released(0, NULL);
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, void *regs, long nr)
{
	__u64 *record;

	if (nr == slow_nr) {
		record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
		if (!record)
			return 0;
		bpf_loop(MOST_WAITS, wait, NULL, 0);
		*record = slow_nr;
		bpf_ringbuf_submit(record, 0);
	} else if (nr == fast_nr && bpf_get_current_pid_tgid() >> 32 == fast_pid) {
		record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);
		if (!record)
			return 0;
		*record = fast_nr;
		bpf_ringbuf_submit(record, 0);
	}
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
