/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Control groups: the one that a task is in, in the hierarchy that tells containers apart. Its id
 * is the inode number of its folder (kernfs_node.id, fs/kernfs/dir.c), unique within a hierarchy.
 */
#pragma once

#include <ringtap/core.h>

enum cgroup_source {
	CGROUP_NONE,	/* no label needs them: all ids are 0, at no cost */
	CGROUP_UNIFIED, /* version 2 */
	CGROUP_PIDS,	/* the hierarchy of a version 1 controller */
	CGROUP_MEMORY,
};

/* Which hierarchy: an enum cgroup_source. */
const volatile __u32 cgroup_source = CGROUP_NONE;

KERNEL_TYPES_BEGIN

/*
 * Only the names of its values matter: each kernel numbers them anew
 * (include/linux/cgroup_subsys.h).
 */
enum cgroup_subsys_id {
	pids_cgrp_id,
	memory_cgrp_id,
};

struct kernfs_node {
	const char *name;
	__u64 id;
};

struct cgroup_root;

struct cgroup_subsys_state {
	struct cgroup *cgroup;
};

struct cgroup {
	struct kernfs_node *kn;
	struct cgroup_root *root;
};

struct css_set {
	struct cgroup_subsys_state *subsys[1];
	struct cgroup *dfl_cgrp;
};

KERNEL_TYPES_END

/* The number of the version 1 controller that cgroup_source names, as this kernel counts them. */
static __always_inline __u32 controller(void)
{
	return cgroup_source == CGROUP_PIDS ?
		       bpf_core_enum_value(enum cgroup_subsys_id, pids_cgrp_id) :
		       bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);
}

/* The control group of a task; only where there is a source. */
static __always_inline struct cgroup *cgroup_of(struct task_struct *task)
{
	struct css_set *set = READ(task, cgroups);
	struct cgroup_subsys_state *state;

	if (cgroup_source == CGROUP_UNIFIED)
		return READ(set, dfl_cgrp);
	state = (void *)word_at((void *)&set->subsys + controller() * sizeof(state));
	return READ(state, cgroup);
}

static __always_inline __u64 cgroup_id(struct cgroup *cgroup)
{
	return READ(cgroup, kn, id);
}

/* Is a group that a task is in by another controller in the hierarchy that cgroup_source names? */
static __always_inline bool is_in_source(struct cgroup *cgroup, struct task_struct *task)
{
	return cgroup_source != CGROUP_NONE && READ(cgroup, root) == READ(cgroup_of(task), root);
}

/* The id of a task's control group. */
static __always_inline __u64 cgroup_id_of(struct task_struct *task)
{
	return cgroup_source == CGROUP_NONE ? 0 : cgroup_id(cgroup_of(task));
}
