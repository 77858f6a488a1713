/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Tasks: the kernel's types, and the actor of a record: who did it. */
#pragma once

#include <ringtap/core.h>

#define COMM_LEN 16 /* TASK_COMM_LEN, include/linux/sched.h */

KERNEL_TYPES_BEGIN

typedef struct {
	int counter;
} atomic_t;

struct thread_info {
	__u32 status;	     /* x86: TS_COMPAT lives here */
	unsigned long flags; /* arm64: TIF_32BIT lives here */
};

struct signal_struct {
	atomic_t live;	/* threads that have not begun to exit */
	int nr_threads; /* an exited leader among them */
	int group_exit_code;
	unsigned int flags;
};

struct list_head {
	struct list_head *next, *prev;
};

struct files_struct;
struct css_set;

#define PF_EXITING 0x00000004 /* include/linux/sched.h: in do_exit() */
#define PF_KTHREAD 0x00200000 /* the same: a thread of the kernel */

struct task_struct {
	struct thread_info thread_info;
	unsigned int flags;
	int pid;
	int tgid;
	int exit_code;
	struct task_struct *real_parent;
	struct task_struct *group_leader;
	struct signal_struct *signal;
	struct list_head thread_node; /* among the threads of its process */
	struct files_struct *files;
	struct css_set *cgroups;
	__u64 start_time;
	char comm[COMM_LEN];
};

KERNEL_TYPES_END

#include <ringtap/cgroup.h>

/*
 * Who did it, in every record: ids as the initial pid namespace knows them. Both comms are filled
 * up with zeros, since they are compared as a whole.
 */
struct actor {
	__u32 tgid;
	__u32 tid;
	char comm[COMM_LEN];	    /* the process's: its thread-group leader's */
	char thread_comm[COMM_LEN]; /* the thread's own */
	__u64 cgroup;		    /* the thread's, by id; 0 with CGROUP_NONE */
};

/* Copies a string to a comm, filled up with zeros. */
static __always_inline void copy_comm(char *to, const char *from)
{
	__builtin_memset(to, 0, COMM_LEN);
	read_string(to, COMM_LEN, from);
}

/*
 * Copies a task's comm. Before Linux 5.17 the rest of an older, longer one lies behind its end,
 * since then zeros (__set_task_comm(), fs/exec.c).
 */
static __always_inline void read_comm(char *to, struct task_struct *task)
{
	if (has_casts()) {
		const __u64 *comm = (void *)TYPED(task)->comm;

		((__u64 *)to)[0] = comm[0];
		((__u64 *)to)[1] = comm[1];
	} else {
		copy_comm(to, task->comm);
	}
}

static __always_inline struct task_struct *current_task(void)
{
	return (struct task_struct *)bpf_get_current_task();
}

/* Does the kernel give the current task with its type (since 5.11), so that plain loads read it? */
static __always_inline bool has_typed_task(void)
{
	return bpf_core_enum_value_exists(enum bpf_func_id, BPF_FUNC_get_current_task_btf);
}

static __always_inline void actor_of(struct actor *actor, struct task_struct *task)
{
	actor->tgid = READ(task, tgid);
	actor->tid = READ(task, pid);
	read_comm(actor->comm, READ(task, group_leader));
	read_comm(actor->thread_comm, task);
	actor->cgroup = cgroup_id_of(task);
}

/* The id of the current task's control group; 0 with CGROUP_NONE. */
static __always_inline __u64 current_cgroup(void)
{
	return cgroup_source == CGROUP_UNIFIED ? bpf_get_current_cgroup_id() :
						 cgroup_id_of(current_task());
}

/*
 * actor_of() for the current task, at half the cost: for a thread that leads its group, the leader
 * need not be read.
 */
static __always_inline void current_actor(struct actor *actor)
{
	__u64 id = bpf_get_current_pid_tgid();

	actor->tgid = id >> 32;
	actor->tid = (__u32)id;
	/* The helper fills up with zeros too, but not on Linux 6.1 (bpf_get_current_comm()). */
	__builtin_memset(actor->thread_comm, 0, sizeof(actor->thread_comm));
	bpf_get_current_comm(actor->thread_comm, sizeof(actor->thread_comm));
	if (actor->tid == actor->tgid)
		__builtin_memcpy(actor->comm, actor->thread_comm, sizeof(actor->comm));
	else
		read_comm(actor->comm, READ(current_task(), group_leader));
	actor->cgroup = current_cgroup();
}

/* What names a process for ever: a tgid alone is given to another process after its end. */
struct process_id {
	__u64 start; /* CLOCK_MONOTONIC, ns */
	__u32 tgid;
};

/*
 * The current process, and whether it has other threads: 0 when it has none, any other number when
 * it has some, or where that costs more to read. (Of a bool, the verifier would walk what follows
 * twice.) A thread that takes over its leader's place in execve(2) takes over the start too
 * (de_thread(), fs/exec.c).
 *
 * The list of a process's threads has its head in its signal_struct: both neighbours of an only
 * thread (copy_process(), kernel/fork.c; __unhash_process(), kernel/exit.c). Unlike nr_threads of
 * that struct they are read by plain loads, since the verifier trusts the task, and not what it
 * points to.
 */
static __always_inline struct process_id current_process_of(__u64 *others)
{
	struct process_id id;

	*others = 1;
	if (has_typed_task()) {
		struct task_struct *task = bpf_get_current_task_btf();

		*others = distance_of(task->thread_node.next, task->thread_node.prev);
		id.start = task->group_leader->start_time;
		id.tgid = task->tgid;
	} else {
		id.start = READ(current_task(), group_leader, start_time);
		id.tgid = bpf_get_current_pid_tgid() >> 32;
	}
	return id;
}

static __always_inline struct process_id current_process(void)
{
	__u64 others;

	return current_process_of(&others);
}

static __always_inline __u32 current_tgid(void)
{
	return bpf_get_current_pid_tgid() >> 32;
}

static __always_inline __u32 current_tid(void)
{
	return (__u32)bpf_get_current_pid_tgid();
}
