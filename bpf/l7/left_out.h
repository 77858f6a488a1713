/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What requests are looked for in: protocols, ports, processes. What is left out costs little. */
#pragma once

#include <ringtap/endpoints.h>

#include "connection.h"
#include "protocols/dns.h"

/* Bits of enum l7_protocol: those that are looked for. */
const volatile __u32 wanted_protocols = ~0u;

/* Are requests looked for at some ports alone? At those in this bitmap, of the server. */
const volatile bool ports_chosen;
const volatile __u64 chosen_ports[65536 / 64];

/*
 * Are requests looked for in some processes alone? In those of these ids, and of these names: both
 * must hold where both are set. Userspace changes them while programs run: keys are added before
 * the flag is set, and deleted after it.
 */
volatile bool pids_chosen, comms_chosen;

/* Userspace counts it up behind each such change (src/engine/setup-changes.ts). */
volatile __u64 set_changes;

/* Keys that userspace puts into a set at most; twice as many while it is changed. */
#define CHOSEN_MAX 1024

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * CHOSEN_MAX);
	__type(key, __u32); /* tgid */
	__type(value, __u8);
} chosen_pids SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, 2 * CHOSEN_MAX);
	__type(key, __u64[COMM_LEN / 8]); /* a process's comm, padded with zeros */
	__type(value, __u8);
} chosen_comms SEC(".maps");

/*
 * Are requests looked for in some containers, pods or namespaces alone? Which control groups are
 * of these, userspace judges (src/signals/l7/chosen-groups.ts): those that are not judged yet are
 * left out, and reported once.
 */
const volatile bool groups_chosen;

enum judgement {
	LEFT_OUT,
	CHOSEN,
	REPORTED,
};

/* As many control groups as identity.limit has by default. */
#define GROUPS_MAX 32768

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GROUPS_MAX);
	__type(key, __u64); /* a control group's id */
	__type(value, __u64);
} judged_groups SEC(".maps");

/* Userspace counts it up behind each change of what is judged of a control group. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} group_changes SEC(".maps");

struct l7_group_notice {
	__u64 cgroup;
};

EXPORT_RECORD(l7_group_notice);

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} group_notices SEC(".maps");

/* Why bytes are left out. */
enum left_out_for {
	LEFT_OUT_FOR_PORT,
	LEFT_OUT_FOR_PROCESS,
	LEFT_OUT_REASONS,
};

/* Bytes that are left out, by reason and direction; whose they are is not counted. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2 * LEFT_OUT_REASONS);
	__type(key, __u32);
	__type(value, __u64);
} left_out SEC(".maps");

static __always_inline bool is_wanted(enum l7_protocol protocol)
{
	return wanted_protocols >> protocol & 1;
}

static __always_inline bool is_chosen(__u16 port)
{
	return chosen_ports[(port >> 6) & (65536 / 64 - 1)] >> (port & 63) & 1;
}

/* Are questions of DNS looked for in datagrams? */
static __always_inline bool are_questions_wanted(void)
{
	return is_wanted(PROTOCOL_DNS) && (!ports_chosen || is_chosen(DNS_PORT));
}

/* Is none of the two ends a server's whose requests are looked for? A Unix socket has no port. */
static __always_inline bool is_left_out(struct sock *sk)
{
	return ports_chosen && (sk->__sk_common.skc_family == AF_UNIX ||
				(!is_chosen(local_port(sk)) && !is_chosen(remote_port(sk))));
}

/* Is the server of a connection, of which the role is known, at a port that is left out? */
static __always_inline bool is_server_left_out(const struct connection *c)
{
	struct sock *sk = (void *)c->sock;

	return ports_chosen &&
	       !is_chosen(c->role == ROLE_SERVER ? local_port(sk) : remote_port(sk));
}

static __always_inline bool are_processes_chosen(void)
{
	return pids_chosen || comms_chosen || groups_chosen;
}

/*
 * What has been judged of a process. It holds as long as all that it was judged by is the same,
 * whichever process has it: one has another name after prctl(2) and execve(2), may be moved to
 * another control group, and leaves its id to another one.
 */
struct judged {
	__u64 comm[COMM_LEN / 8];
	__u64 set_changes;
	__u32 is_judged;
	__u32 is_left_out;
	__u64 tgid;   /* 0 where ids are not chosen */
	__u64 cgroup; /* 0 where groups are not chosen */
	__u64 group_changes;
};

/* Processes whose judgement is kept on a CPU: judged_of() says which. */
#define JUDGED_AT_ONCE 32

struct judgements {
	struct judged of[JUDGED_AT_ONCE];
};

/*
 * By direction, so that each program has its own: as of a scratch (reader.h), none runs within
 * itself on a CPU, and what it reads and writes here no other one does.
 */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 2);
	__type(key, __u32);
	__type(value, struct judgements);
} judgements SEC(".maps");

/* An enum judgement of a control group. One that is not judged yet is reported to userspace. */
static __noinline __u64 judge_group(__u64 cgroup)
{
	struct l7_group_notice notice = { .cgroup = cgroup };
	__u64 *judgement = bpf_map_lookup_elem(&judged_groups, &notice.cgroup);
	__u64 reported = REPORTED;

	if (judgement)
		return *judgement;
	if (!bpf_map_update_elem(&judged_groups, &notice.cgroup, &reported, BPF_NOEXIST) &&
	    bpf_ringbuf_output(&group_notices, &notice, sizeof(notice), 0))
		bpf_map_delete_elem(&judged_groups, &notice.cgroup);
	return REPORTED;
}

/* An enum judgement of a process: REPORTED where it may be another one any moment. */
static __always_inline __u64 judge(struct judged *process)
{
	__u64 judgement;

	/* The process's id is the low half on all machines that there are programs for. */
	if (process->tgid && !bpf_map_lookup_elem(&chosen_pids, &process->tgid))
		return LEFT_OUT;
	if (groups_chosen) {
		judgement = judge_group(process->cgroup);
		if (judgement != CHOSEN)
			return judgement;
	}
	return !comms_chosen || bpf_map_lookup_elem(&chosen_comms, process->comm) ? CHOSEN :
										    LEFT_OUT;
}

static __always_inline __u64 group_changes_now(void)
{
	__u32 zero = 0;
	__u64 *changes = groups_chosen ? bpf_map_lookup_elem(&group_changes, &zero) : NULL;

	return changes ? READ_ONCE(*changes) : 0;
}

/* The id of the task's process, where ids are chosen; else 0. */
static __always_inline __u64 chosen_tgid(struct task_struct *task)
{
	return pids_chosen ? task->tgid : 0;
}

/*
 * Where the judgement of the task's process is kept. Where neither ids nor groups are chosen, all
 * processes of a name, such as those of one server, have one place together.
 */
static __always_inline struct judged *judged_of(struct judgements *kept, struct task_struct *task)
{
	const __u64 *comm = (void *)task->group_leader->comm;
	__u64 which = pids_chosen || groups_chosen ? task->tgid : comm[0] ^ comm[1];

	return &kept->of[which * 0x9e3779b97f4a7c15ull >> 32 & (JUDGED_AT_ONCE - 1)];
}

/*
 * Judges the current task's process anew, into `judged`. The numbers of changes are read first: who
 * changes something after that will have counted it up, and the judgement does not hold any more.
 */
static __always_inline bool judge_anew(struct judged *judged, struct task_struct *task)
{
	__u64 judgement;

	judged->is_judged = false;
	judged->group_changes = group_changes_now();
	/* An atomic one, behind which no load of what follows can be done before. */
	judged->set_changes = __sync_fetch_and_add(&set_changes, 0);
	judged->tgid = chosen_tgid(task);
	copy_process_comm(judged->comm, task->group_leader);
	judged->cgroup = groups_chosen ? current_cgroup() : 0;
	judgement = judge(judged);
	judged->is_left_out = judgement != CHOSEN;
	judged->is_judged = judgement != REPORTED;
	return judged->is_left_out;
}

/* Does a judgement hold of the current task's process? */
static __always_inline bool is_still_so(const struct judged *judged, struct task_struct *task)
{
	const __u64 *comm = (void *)task->group_leader->comm;
	__u64 differs;

	differs = judged->tgid ^ chosen_tgid(task);
	differs |= judged->comm[0] ^ comm[0];
	differs |= judged->comm[1] ^ comm[1];
	differs |= judged->set_changes ^ set_changes;
	if (groups_chosen) {
		differs |= judged->cgroup ^ current_cgroup();
		differs |= judged->group_changes ^ group_changes_now();
	}
	return judged->is_judged && !differs;
}

/*
 * Is the current task's process one whose requests are not looked for? By what the program of this
 * direction has judged of it before, without the call of a helper for it.
 */
static __noinline bool is_process_left_out(__u32 direction)
{
	struct task_struct *task = bpf_get_current_task_btf();
	struct judgements *kept = bpf_map_lookup_elem(&judgements, &direction);
	struct judged *judged;

	if (!kept)
		return true;
	judged = judged_of(kept, task);
	if (likely(is_still_so(judged, task)))
		return judged->is_left_out;
	return judge_anew(judged, task);
}

/* The same for a program that may run within itself, which keeps nothing. */
static __noinline bool is_process_left_out_here(void)
{
	struct judged judged;

	return judge_anew(&judged, bpf_get_current_task_btf());
}

static __always_inline void count_left_out(enum left_out_for reason, __u32 direction, __u32 bytes)
{
	__u32 index = reason << 1 | direction;
	__u64 *count = bpf_map_lookup_elem(&left_out, &index);

	/* No other program on this CPU counts in this direction. */
	if (count)
		*count += bytes;
}
