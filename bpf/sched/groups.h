/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the scheduler counts of control groups: throttling by their limit, and pressure. */
#pragma once

#include <ringtap/cgroup.h>
#include <ringtap/pressure.h>

#include "task.h"

/*
 * Groups from a task's up: its container's, its pod's and those above. Its own alone where the
 * controller has another hierarchy than the one that tells containers apart, as with version 1:
 * only that one has a counterpart there, the task's.
 */
#define LEVELS 8

KERNEL_TYPES_BEGIN

struct cfs_bandwidth {
	int nr_periods;
	int nr_throttled;
	__u64 throttled_time; /* ns */
};

struct task_group {
	struct cgroup_subsys_state css;
	struct task_group *parent;
	struct cfs_bandwidth cfs_bandwidth;
};

KERNEL_TYPES_END

struct sched_group {
	__u64 id;     /* of the group, in the hierarchy of the CPU controller */
	__u64 cgroup; /* the group that labels are of, as in struct actor */
	__u64 periods;
	__u64 throttled_periods;
	__u64 throttled; /* ns, of all CPUs */
	__u64 some;	 /* ns in which a task waited for a CPU (ringtap/pressure.h) */
	__u64 full;	 /* ns in which all did that were not asleep */
};

EXPORT_RECORD(sched_group);

/* What is known of a group that a task is in or below; false when that is nothing. */
static __always_inline bool describe_group(struct sched_group *record, struct task_group *group,
					   struct task_struct *task)
{
	struct cgroup *cgroup = READ(group, css.cgroup);
	__u64 pressure;

	__builtin_memset(record, 0, sizeof(*record));
	record->id = cgroup_id(cgroup);
	record->cgroup = is_in_source(cgroup, task) ? record->id : cgroup_id_of(task);
	if (bpf_core_field_exists(group->cfs_bandwidth)) {
		record->periods = READ(group, cfs_bandwidth.nr_periods);
		record->throttled_periods = READ(group, cfs_bandwidth.nr_throttled);
		record->throttled = READ(group, cfs_bandwidth.throttled_time);
	}
	/* The root's is the machine's. */
	if (READ(group, parent)) {
		pressure = pressure_of(cgroup);
		record->some = PRESSURE(pressure, PSI_CPU_SOME);
		record->full = pressure_cpu_full(pressure);
	}
	return record->periods || record->some;
}
