// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Constants of each width, as the program sees them when a process calls getppid. */
#include <linux/bpf.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

const volatile __u32 target_pid;
const volatile __u64 target_nr;

const volatile bool flag;
const volatile __u8 byte;
const volatile __s8 signed_byte;
const volatile __u16 half;
const volatile __u32 word;
const volatile __s32 signed_word;
const volatile __u64 small, large;
const volatile __u32 table[4] = { 10, 11, 12, 13 };
volatile __u32 choice; /* a variable */

enum { FLAG, BYTE, SIGNED_BYTE, HALF, WORD, SIGNED_WORD, SMALL, LARGE, TABLE, JOINED, SEEN };

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, SEEN);
	__type(key, __u32);
	__type(value, __u64);
} seen SEC(".maps");

static __always_inline void see(__u32 key, __u64 value)
{
	bpf_map_update_elem(&seen, &key, &value, BPF_ANY);
}

/*
 * A load of `word` that a jump leads to, with the address of a choice that is 0 or 1: not the one
 * of the instruction before it.
 */
static __always_inline __u64 load_joined(__u64 second)
{
	__u64 address;

	asm volatile("%[address] = %[table] ll\n"
		     "if %[second] == 0 goto 1f\n"
		     "%[address] = %[word] ll\n"
		     "1: %[address] = *(u32 *)(%[address] + 0)\n"
		     : [address] "=&r"(address)
		     : [second] "r"(second), [table] "i"(&table), [word] "i"(&word));
	return address;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(on_enter, void *regs, long nr)
{
	if (nr != target_nr || bpf_get_current_pid_tgid() >> 32 != target_pid)
		return 0;
	see(FLAG, flag ? 1 : 2);
	see(BYTE, byte);
	see(SIGNED_BYTE, signed_byte);
	see(HALF, half);
	see(WORD, word);
	see(SIGNED_WORD, signed_word);
	see(SMALL, small);
	see(LARGE, large);
	see(TABLE, table[choice & 3]);
	see(JOINED, load_joined(choice & 4));
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
