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

/* Levels above a process that are reported; nested clusters have some ten. */
#define DEPTH_MAX 24

enum cgroup_kind {
	CGROUP_CREATE,
	CGROUP_REMOVE,
	CGROUP_PRESENT, /* was there already, and has a process in or below it */
};

struct cgroup_event {
	__u64 time; /* CLOCK_MONOTONIC, ns */
	struct actor actor;
	__u64 id;
	__u64 parent; /* id of the group above; 0: this is the root */
	enum cgroup_kind kind;
	__u32 reserved;
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
		return BPF_CORE_READ(before, parent);
	return BPF_CORE_READ(since, __parent);
}

static __always_inline void describe(struct cgroup_event *event, struct kernfs_node *node,
				     __u32 kind)
{
	struct kernfs_node *parent = parent_of(node);

	event->time = bpf_ktime_get_ns();
	event->id = BPF_CORE_READ(node, id);
	event->parent = parent ? BPF_CORE_READ(parent, id) : 0;
	event->kind = kind;
	event->reserved = 0;
	__builtin_memset(event->name, 0, sizeof(event->name));
	bpf_probe_read_kernel_str(event->name, sizeof(event->name), BPF_CORE_READ(node, name));
}

/* Is this group in the hierarchy that cgroup_source names? */
static __always_inline bool is_watched(struct cgroup *cgroup)
{
	struct cgroup *own = cgroup_of(current_task());

	return BPF_CORE_READ(cgroup, root) == BPF_CORE_READ(own, root);
}

static __always_inline void report(struct kernfs_node *node, __u32 kind)
{
	struct cgroup_event *event = reserve(sizeof(*event));

	if (!event)
		return;
	current_actor(&event->actor);
	describe(event, node, kind);
	submit(event);
}

/* Fires in cgroup_mkdir() before any process can be in it (kernel/cgroup/cgroup.c). */
SEC("tp_btf/cgroup_mkdir")
int BPF_PROG(cgroup_create, struct cgroup *cgroup)
{
	if (is_watched(cgroup))
		report(BPF_CORE_READ(cgroup, kn), CGROUP_CREATE);
	return 0;
}

SEC("tp_btf/cgroup_rmdir")
int BPF_PROG(cgroup_remove, struct cgroup *cgroup)
{
	if (is_watched(cgroup))
		report(BPF_CORE_READ(cgroup, kn), CGROUP_REMOVE);
	return 0;
}

/*
 * A process enters a group. Reports the group and all above it: they may be older than the agent,
 * and have been empty, so that no snapshot of cgroup_present() has shown them. Fires for every
 * hierarchy (cgroup_attach_task(), kernel/cgroup/cgroup.c).
 */
SEC("tp_btf/cgroup_attach_task")
int BPF_PROG(cgroup_enter, struct cgroup *cgroup)
{
	struct kernfs_node *node = BPF_CORE_READ(cgroup, kn);

	if (!is_watched(cgroup))
		return 0;
	for (int depth = 0; node && depth < DEPTH_MAX; depth++, node = parent_of(node))
		report(node, CGROUP_PRESENT);
	return 0;
}

/*
 * Writes a record for each group from a process's up to the root. A process in the group of its
 * parent is left out, since the parent's are written.
 */
SEC("iter/task")
int cgroup_present(struct bpf_iter__task *ctx)
{
	struct task_struct *task = ctx->task;
	struct cgroup_event event = {};
	struct kernfs_node *node;
	struct cgroup *cgroup;

	if (task && piece_ends())
		return 1;
	if (!task || task->pid != task->tgid)
		return 0;
	cgroup = cgroup_of(task);
	if (cgroup == cgroup_of(BPF_CORE_READ(task, real_parent)))
		return 0;
	node = BPF_CORE_READ(cgroup, kn);
	for (int depth = 0; node && depth < DEPTH_MAX; depth++, node = parent_of(node)) {
		describe(&event, node, CGROUP_PRESENT);
		bpf_seq_write(ctx->meta->seq, &event, sizeof(event));
	}
	return 0;
}

LICENSE;
