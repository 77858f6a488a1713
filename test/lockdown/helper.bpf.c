// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* Two programs, of which one reads kernel memory by a helper, the other as ringtap's do. */
#include <ringtap/core.h>
#include <ringtap/task.h>

SEC("tp_btf/sched_process_fork")
int BPF_PROG(by_helper, struct task_struct *parent, struct task_struct *child)
{
	int pid = 0;

	bpf_probe_read_kernel(&pid, sizeof(pid), &child->pid);
	return pid;
}

SEC("tp_btf/sched_process_fork")
int BPF_PROG(by_cast, struct task_struct *parent, struct task_struct *child)
{
	return READ(child, pid);
}

LICENSE;
