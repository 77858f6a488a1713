// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * process: the life of processes (not threads): fork, exec, change of comm or of control group,
 * exit. Userspace's process table is kept from its records.
 */
#include <ringtap/core.h>
#include <ringtap/iter.h>
#include <ringtap/ring.h>
#include <ringtap/task.h>

#define PATH_LEN 128 /* of an executable's path; longer ones are cut, and marked so */

#define SIGNAL_GROUP_EXIT 0x4 /* include/linux/sched/signal.h */

/* At most this many multi-threaded processes can be in the middle of exiting at once. */
#define EXITING_MAX 4096

enum process_kind {
	PROCESS_FORK,
	PROCESS_EXEC,
	PROCESS_RENAME,
	PROCESS_EXIT,
	PROCESS_MOVE,	 /* to another control group */
	PROCESS_RUNNING, /* was there when the agent started */
};

struct process_event {
	__u64 time;  /* CLOCK_MONOTONIC, ns */
	__u64 start; /* of the process, monotonic ns; with tgid it names a process for ever */
	struct actor actor;
	enum process_kind kind;
	__u32 parent_tgid;
	__u32 exit_status;    /* exit: as wait(2) reports it, code << 8 | signal */
	__u32 path_truncated; /* exec: 1 when path was cut */
	char path[PATH_LEN];  /* exec: as it was given to execve(2) */
};

EXPORT_RECORD(process_event);

KERNEL_TYPES_BEGIN

struct linux_binprm {
	const char *filename;
};

/* Tracepoint sched_process_exit has said whether it is the process's last thread since 6.16. */
struct trace_event_raw_sched_process_exit {
	bool group_dead;
};

struct task_struct___execve {
	unsigned int in_execve : 1;
};

KERNEL_TYPES_END

/* tgid → start time of processes whose last thread was seen exiting: see claims_exit(). */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, EXITING_MAX);
	__type(key, __u32);
	__type(value, __u64);
} exiting SEC(".maps");

/* On the stack only in iterators; elsewhere the record is filled in the ring. */
static __always_inline void describe(struct process_event *event, struct task_struct *task,
				     __u32 kind)
{
	event->time = bpf_ktime_get_ns();
	event->start = READ(task, group_leader, start_time);
	actor_of(&event->actor, task);
	event->kind = kind;
	event->parent_tgid = READ(task, group_leader, real_parent, tgid);
	event->exit_status = 0;
	event->path_truncated = 0;
	event->path[0] = 0;
}

static __always_inline struct process_event *begin(struct task_struct *task, __u32 kind)
{
	struct process_event *event = reserve(sizeof(*event));

	if (event)
		describe(event, task, kind);
	return event;
}

/*
 * Fires in kernel_clone() before wake_up_new_task(), so that a process is announced before it can
 * do anything (kernel/fork.c).
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(process_fork, struct task_struct *parent, struct task_struct *child)
{
	struct process_event *event;

	if (child->pid != child->tgid)
		return 0;
	event = begin(child, PROCESS_FORK);
	if (event)
		submit(event);
	return 0;
}

/*
 * Fires in exec_binprm() once the new image is in place: a failed execve(2) does not come here
 * (fs/exec.c).
 */
SEC("tp_btf/sched_process_exec")
int BPF_PROG(process_exec, struct task_struct *task, int old_pid, struct linux_binprm *bprm)
{
	struct process_event *event = begin(task, PROCESS_EXEC);
	const char *path;

	if (!event)
		return 0;
	path = READ(bprm, filename);
	event->path_truncated = read_string(event->path, sizeof(event->path), path) &&
				byte_at(path + sizeof(event->path) - 1);
	submit(event);
	return 0;
}

/*
 * Fires in __set_task_comm() before the change, also for other threads and during execve
 * (fs/exec.c).
 */
SEC("tp_btf/task_rename")
int BPF_PROG(process_rename, struct task_struct *task, const char *comm)
{
	struct task_struct___execve *caller = (void *)bpf_get_current_task();
	struct process_event *event;

	if (task->pid != task->tgid)
		return 0;
	/* execve(2) renames as well, and has a record of its own. */
	if (bpf_core_field_exists(caller->in_execve) && READ_BITFIELD(caller, in_execve))
		return 0;
	event = begin(task, PROCESS_RENAME);
	if (!event)
		return 0;
	/* The thread that is renamed leads its group. */
	copy_comm(event->actor.comm, comm);
	__builtin_memcpy(event->actor.thread_comm, event->actor.comm, COMM_LEN);
	submit(event);
	return 0;
}

/*
 * Has the leader of this thread group exited, and threads of it have not? Its control group says
 * nothing then: what exits stays where it was when the others are moved (cgroup_migrate_add_task(),
 * kernel/cgroup/cgroup.c).
 */
static __always_inline bool has_lost_leader(struct task_struct *task)
{
	return (READ(task, group_leader, flags) & PF_EXITING) && READ(task, signal, nr_threads) > 1;
}

/*
 * Fires in cgroup_attach_task() after the change, for every hierarchy (kernel/cgroup/cgroup.c),
 * with the leader when a whole process is moved. Only loaded where cgroup_source names one.
 */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(process_move, struct cgroup *cgroup, const char *path, struct task_struct *task)
{
	struct cgroup *now = cgroup_of(task);
	bool is_leader = task->pid == task->tgid;
	struct process_event *event;

	if (has_lost_leader(task) ? READ(now, root) != READ(cgroup, root) :
				    !is_leader || now != cgroup)
		return 0;
	event = begin(task, PROCESS_MOVE);
	if (!event)
		return 0;
	event->actor.cgroup = cgroup_id(cgroup);
	submit(event);
	return 0;
}

/*
 * Is this the last thread of its process? do_exit() takes one off signal->live before the
 * tracepoint, so the last one sees 0; but so does any thread that had not reached the tracepoint by
 * then. The first that sees 0 claims the process, by the pair of tgid and start time.
 */
static __always_inline bool claims_exit(struct task_struct *task)
{
	__u32 tgid = task->tgid;
	__u64 start, *claimed;

	if (READ(task, signal, live.counter) != 0)
		return false;
	start = READ(task, group_leader, start_time);
	claimed = bpf_map_lookup_elem(&exiting, &tgid);
	if (claimed && *claimed == start)
		return false;
	if (claimed)
		bpf_map_delete_elem(&exiting, &tgid);
	return update_or_count(&exiting, &tgid, &start, BPF_NOEXIST);
}

SEC("tp_btf/sched_process_exit")
int BPF_PROG(process_exit, struct task_struct *task)
{
	struct signal_struct *signal = task->signal;
	struct process_event *event;
	bool last;

	if (bpf_core_field_exists(struct trace_event_raw_sched_process_exit, group_dead))
		last = ctx[1];
	else
		last = claims_exit(task);
	if (!last)
		return 0;
	event = begin(task, PROCESS_EXIT);
	if (!event)
		return 0;
	/* What wait(2) reports: kernel/exit.c, wait_task_zombie(). */
	event->exit_status = READ(signal, flags) & SIGNAL_GROUP_EXIT ?
				     READ(signal, group_exit_code) :
				     READ(task, group_leader, exit_code);
	submit(event);
	return 0;
}

/*
 * Writes one record for each process that runs now, for each of its threads where the leader has
 * exited. Zombies, which have exited and have not been waited for, are left out.
 */
SEC("iter/task")
int process_running(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct process_event event = {};

	if (task && piece_ends())
		return 1;
	if (!task || !READ(task, signal, live.counter))
		return 0;
	if ((task->pid == task->tgid) == has_lost_leader(task))
		return 0;
	describe(&event, task, PROCESS_RUNNING);
	bpf_seq_write(ctx->meta->seq, &event, sizeof(event));
	return 0;
}

LICENSE;
