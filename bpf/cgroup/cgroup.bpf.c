// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * cgroup: control groups made and removed, in the hierarchy that tells containers apart. Userspace
 * learns from it which container, pod or service an id in a record stands for. Paths are put
 * together there: a record has one name, and the id of the group above.
 */
#include <ringtap/core.h>
#include <ringtap/iter.h>
#include <ringtap/ring.h>
#include <ringtap/task.h>

#define NAME_LEN 256 /* NAME_MAX and its end */

/*
 * Levels that are reported of a path, from its end: nested clusters have some ten. What
 * cgroup_present() writes of one process has to fit into the 32 KiB of bpf_seq_read()
 * (kernel/bpf/bpf_iter.c).
 */
#define DEPTH_MAX 64

enum cgroup_kind {
	CGROUP_CREATE,
	CGROUP_REMOVE,
	CGROUP_PRESENT, /* was there already, and has a process in or below it */
	CGROUP_RENAME,	/* version 1 only */
};

struct cgroup_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	struct actor actor;
	__u64 id;
	__u64 parent; /* id of the group above; 0: this is the root */
	enum cgroup_kind kind;
	__u32 is_cut;	     /* 1: those from its parent up are not reported with it */
	char name[NAME_LEN]; /* the last part of its path */
};

EXPORT_RECORD(cgroup_event);

KERNEL_TYPES_BEGIN

/* Until 6.14. */
struct kernfs_node___before_rcu {
	struct kernfs_node *parent;
};

/* Since 6.15: 633488947ef6 ("kernfs: Use RCU to access kernfs_node::parent."). */
struct kernfs_node___rcu {
	struct kernfs_node *__parent;
};

KERNEL_TYPES_END

static __always_inline struct kernfs_node *parent_of(struct kernfs_node *node)
{
	struct kernfs_node___before_rcu *before = (void *)node;
	struct kernfs_node___rcu *since = (void *)node;

	if (bpf_core_field_exists(before->parent))
		return READ(before, parent);
	return READ(since, __parent);
}

static __always_inline void describe(struct cgroup_event *event, struct kernfs_node *node,
				     __u32 kind, bool is_cut)
{
	struct kernfs_node *parent = parent_of(node);

	event->time = bpf_ktime_get_ns();
	event->id = READ(node, id);
	event->parent = parent ? READ(parent, id) : 0;
	event->kind = kind;
	event->is_cut = is_cut;
	__builtin_memset(event->name, 0, sizeof(event->name));
	read_string(event->name, sizeof(event->name), READ(node, name));
}

/* Is this group in the hierarchy that cgroup_source names? */
static __always_inline bool is_watched(struct cgroup *cgroup)
{
	struct cgroup *own = cgroup_of(current_task());

	return READ(cgroup, root) == READ(own, root);
}

static __always_inline void report(struct kernfs_node *node, __u32 kind)
{
	struct cgroup_event *event = reserve(sizeof(*event));

	if (!event)
		return;
	current_actor(&event->actor);
	describe(event, node, kind, false);
	submit(event);
}

/*
 * Reports a group of a path. Global, with a number in place of a pointer: so the verifier walks it
 * once and not for each level.
 */
__noinline bool report_level(__u64 address, bool is_cut)
{
	struct kernfs_node *node = (void *)address;
	struct cgroup_event *event = reserve(sizeof(*event));

	if (!event)
		return false;
	current_actor(&event->actor);
	describe(event, node, CGROUP_PRESENT, is_cut);
	submit(event);
	return true;
}

/* Fires in cgroup_mkdir() before any process can be in it (kernel/cgroup/cgroup.c). */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_create, struct cgroup *cgroup)
{
	if (is_watched(cgroup))
		report(READ(cgroup, kn), CGROUP_CREATE);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_remove, struct cgroup *cgroup)
{
	if (is_watched(cgroup))
		report(READ(cgroup, kn), CGROUP_REMOVE);
	return 0;
}

/* cgroup1_rename() alone, after the change (kernel/cgroup/cgroup-v1.c): version 2 has no rename. */
SEC("tp_btf/cgroup_rename")
int BPF_PROG(cgroup_renamed, struct cgroup *cgroup)
{
	if (is_watched(cgroup))
		report(READ(cgroup, kn), CGROUP_RENAME);
	return 0;
}

/*
 * Reports a group that a process enters, and those above it: they may be older than the agent, and
 * have been empty, so that no snapshot of cgroup_present() has shown them.
 */
static __always_inline void report_path(struct cgroup *cgroup)
{
	struct kernfs_node *node = READ(cgroup, kn);

	for (int depth = 0; node && depth < DEPTH_MAX; depth++, node = parent_of(node))
		report_level(address_of(node), depth == DEPTH_MAX - 1);
}

/* A process is moved. Fires for every hierarchy (cgroup_attach_task(), kernel/cgroup/cgroup.c). */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_enter, struct cgroup *cgroup)
{
	if (is_watched(cgroup))
		report_path(cgroup);
	return 0;
}

/*
 * A process, or a thread, is born into another group than its parent's: clone3(2) with
 * CLONE_INTO_CGROUP, which cgroup_attach_task does not show (cgroup_post_fork(),
 * kernel/cgroup/cgroup.c). Fires before it can run: see process_fork() of the process signal.
 */
SEC("tp_btf/sched_process_fork")
int BPF_PROG(cgroup_birth, struct task_struct *parent, struct task_struct *child)
{
	struct cgroup *cgroup = cgroup_of(child);

	if (cgroup != cgroup_of(parent))
		report_path(cgroup);
	return 0;
}

/* What cgroup_present() writes: one at a time reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct cgroup_event);
} present SEC(".maps");

static __always_inline struct cgroup_event *present_event(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&present, &zero);
}

/* As report_level() is. */
__noinline bool describe_level(__u64 address, bool is_cut)
{
	struct cgroup_event *event = present_event();

	if (!event)
		return false;
	describe(event, (void *)address, CGROUP_PRESENT, is_cut);
	return true;
}

/*
 * Writes a record for each group from a task's up to the root. A task in the group of its parent
 * is left out, since the parent's are written; a thread's parent is here the leader of its group.
 */
SEC("iter/task")
int cgroup_present(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct task_struct *parent;
	struct cgroup_event *event = present_event();
	struct kernfs_node *node;
	struct cgroup *cgroup;

	if (task && piece_ends())
		return 1;
	if (!task || !event)
		return 0;
	parent = task->pid == task->tgid ? READ(task, real_parent) : READ(task, group_leader);
	cgroup = cgroup_of(task);
	if (cgroup == cgroup_of(parent))
		return 0;
	node = READ(cgroup, kn);
	for (int depth = 0; node && depth < DEPTH_MAX; depth++, node = parent_of(node)) {
		describe_level(address_of(node), depth == DEPTH_MAX - 1);
		bpf_seq_write(ctx->meta->seq, event, sizeof(*event));
	}
	return 0;
}

LICENSE;
