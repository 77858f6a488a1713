// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two programs, of which the verifier refuses the second; and a map that no kernel creates. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} values SEC(".maps");

/* An array's key has 4 bytes. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__uint(key_size, 3);
	__uint(value_size, 8);
} impossible SEC(".maps");

SEC("tp_btf/sys_enter")
int BPF_PROG(harmless, void *regs, long nr)
{
	return 0;
}

SEC("tp_btf/sys_exit")
int BPF_PROG(careless, void *regs, long result)
{
	__u32 key = 0;
	__u64 *value = bpf_map_lookup_elem(&values, &key);

	/* It may be null. */
	*value = result;
	return 0;
}

SEC("tp_btf/no_such_tracepoint")
int BPF_PROG(nowhere)
{
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
