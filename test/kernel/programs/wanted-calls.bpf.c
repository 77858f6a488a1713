// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Handlers that count the calls of one process, by number, as they begin and as they return. */
#include <ringtap/core.h>
#include <ringtap/dispatch.h>

volatile __u32 only_tgid;

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, NR_COUNT);
	__type(key, __u32);
	__type(value, __u64);
} begun SEC(".maps"), returned SEC(".maps"), seen SEC(".maps");

static __always_inline void count_call(void *map, __u32 nr)
{
	__u32 index = number_index(bounded_nr(nr, is_compat()));
	__u64 *count = bpf_map_lookup_elem(map, &index);

	if (count && current_tgid() == only_tgid)
		__sync_fetch_and_add(count, 1);
}

SYSCALL_ENTER(wanted_enter, struct pt_regs *regs, long id)
{
	count_call(&begun, id);
}

SYSCALL_EXIT(wanted_exit, struct pt_regs *regs, long ret)
{
	/* One of the ways to leave a handler. */
	if (current_tgid() != only_tgid)
		return;
	count_call(&returned, unmarked_syscall_nr(regs));
}

/* No handler: it is attached to the hook itself, and sees every call. */
SEC("tp_btf/sys_exit")
int BPF_PROG(plain_exit, struct pt_regs *regs, long ret)
{
	count_call(&seen, unmarked_syscall_nr(regs));
	return 0;
}

LICENSE;
