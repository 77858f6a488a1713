// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * One of each kind of member and variable. Nothing here is loaded, except by the tests of the
 * variables.
 */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

enum color { RED, GREEN = 5, BLUE };
enum shift { DOWN = -1, UP = 1 };

struct inner {
	__u16 a;
	__u16 b;
};

struct sample {
	__u64 time;
	__s32 result;
	enum color color;
	char comm[16];
	__u16 ports[2];
	struct inner inner;
	enum shift shifts[3];
	_Bool yes;
	signed char tiny;
	char letter;
	__u32 low : 4;
	__u32 high : 28;
	union {
		__u32 either;
		float or ;
	} choice;
	void *pointer;
	struct inner pair[2];
	__u8 grid[2][3];
	const volatile __u64 typed;
};

struct sample *export_sample;
struct inner *export_inner;
struct absent;
struct absent *export_absent;
__u32 export_number;

const volatile __u8 byte = 0;
const volatile __s16 word = 0;
const volatile __u32 dword = 0;
const volatile __s64 qword = 0;
const volatile __u64 uqword = 0;
const volatile _Bool flag = 0;
const volatile enum color color = RED;
const volatile enum shift shift = UP;
const volatile char name[8] = "initial";
const volatile struct inner both = { 1, 2 };

volatile __u64 changing = 7;
volatile __u8 changing_byte;
volatile char changing_name[11];

struct result {
	__s64 numbers[8];
	char name[8];
	struct inner both;
	__u32 padding;
	__u64 changing[2];
	char changing_name[16];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct result);
} results SEC(".maps");

/* Shows the variables as a loaded program sees them. */
SEC("tp_btf/sys_enter")
int BPF_PROG(show, void *regs, long nr)
{
	__u32 key = 0;
	struct result *result = bpf_map_lookup_elem(&results, &key);

	if (!result)
		return 0;
	result->numbers[0] = byte;
	result->numbers[1] = word;
	result->numbers[2] = dword;
	result->numbers[3] = qword;
	result->numbers[4] = uqword;
	result->numbers[5] = flag;
	result->numbers[6] = color;
	result->numbers[7] = shift;
	for (int i = 0; i < sizeof(name); i++)
		result->name[i] = name[i];
	result->both.a = both.a;
	result->both.b = both.b;
	result->changing[0] = changing;
	result->changing[1] = changing_byte;
	for (int i = 0; i < sizeof(changing_name); i++)
		result->changing_name[i] = changing_name[i];
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
