/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the memory controller counts of control groups: `memory.events`, and pressure. */
#pragma once

#include <ringtap/cgroup.h>
#include <ringtap/pressure.h>
#include <ringtap/task.h>

/*
 * Groups from a task's up: its container's, its pod's and those above. Its own alone where the
 * controller has another hierarchy than the one that tells containers apart, as with version 1:
 * only that one has a counterpart there, the task's.
 */
#define LEVELS 8

KERNEL_TYPES_BEGIN

typedef struct {
	long counter;
} atomic_long_t;

/* Only the names of its values matter (include/linux/memcontrol.h). */
enum memcg_memory_event {
	MEMCG_LOW,
	MEMCG_HIGH,
	MEMCG_MAX,
	MEMCG_OOM,
	MEMCG_OOM_KILL,
};

struct page_counter {
	atomic_long_t usage; /* pages */
	unsigned long max;
};

struct cgroup_subsys_state___parent {
	struct cgroup *cgroup;
	struct cgroup_subsys_state___parent *parent;
};

struct mem_cgroup {
	struct cgroup_subsys_state___parent
		css; /* the first member, whose address is the group's */
	struct page_counter memory;
	bool oom_group;
	atomic_long_t memory_events[1];
};

KERNEL_TYPES_END

struct memory_group {
	__u64 id;     /* of the group, in the hierarchy of the memory controller */
	__u64 cgroup; /* the group that labels are of, as in struct actor */
	__u64 low;    /* this and the following four: `memory.events` */
	__u64 high;
	__u64 max;
	__u64 oom;
	__u64 oom_kill;
	__u64 some; /* ns in which a task waited for memory (ringtap/pressure.h) */
	__u64 full; /* ns in which all did that were not asleep */
};

EXPORT_RECORD(memory_group);

/* The group of a task in the memory controller's hierarchy; NULL where it is turned off. */
static __always_inline struct mem_cgroup *memory_group_of(struct task_struct *task)
{
	struct css_set *set = READ(task, cgroups);
	__u32 number = bpf_core_enum_value(enum cgroup_subsys_id, memory_cgrp_id);

	return (void *)word_at((void *)&set->subsys + number * sizeof(void *));
}

static __always_inline struct mem_cgroup *group_above(struct mem_cgroup *group)
{
	return (void *)READ(group, css.parent);
}

#define EVENTS(group, event)                                                       \
	word_at((void *)(address_of(group) +                                       \
			 bpf_core_field_offset(struct mem_cgroup, memory_events) + \
			 8 * bpf_core_enum_value(enum memcg_memory_event, event)))

/* What is known of a group that a task is in or below; false when that is nothing. */
static __always_inline bool describe_group(struct memory_group *record, struct mem_cgroup *group,
					   struct task_struct *task)
{
	struct cgroup *cgroup = READ(group, css.cgroup);
	__u64 pressure = pressure_of(cgroup);

	record->id = cgroup_id(cgroup);
	record->cgroup = is_in_source(cgroup, task) ? record->id : cgroup_id_of(task);
	record->low = EVENTS(group, MEMCG_LOW);
	record->high = EVENTS(group, MEMCG_HIGH);
	record->max = EVENTS(group, MEMCG_MAX);
	record->oom = EVENTS(group, MEMCG_OOM);
	record->oom_kill = EVENTS(group, MEMCG_OOM_KILL);
	record->some = PRESSURE(pressure, PSI_MEM_SOME);
	record->full = PRESSURE(pressure, PSI_MEM_FULL);
	return record->low | record->high | record->max | record->oom | record->oom_kill |
	       record->some;
}

/*
 * The limit, in pages, that the group of a task or one above it has reached: it has no more than a
 * sixteenth left. 0: none has. The kernel does not say why it kills: what has to go because its
 * group is full is in such a group, and what the whole machine wants gone is hardly ever.
 * `as_one` is whether that group or one below it is killed as one (`memory.oom.group`).
 */
static __always_inline __u64 limit_reached(struct task_struct *task, bool *as_one)
{
	struct mem_cgroup *group = memory_group_of(task);
	__u64 limit = 0;

	*as_one = false;
	for (int level = 0; group && level < LEVELS; level++, group = group_above(group)) {
		__u64 max = READ(group, memory.max);
		__u64 usage = READ(group, memory.usage.counter);

		*as_one |= READ(group, oom_group);
		if (usage + max / 16 + 64 >= max) {
			limit = max;
			break;
		}
	}
	/* One state for the verifier, whichever group it is of. */
	barrier_var(limit);
	return limit;
}
