/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Pressure stall information of control groups, as `cpu.pressure` and its kin show it. */
#pragma once

#include <ringtap/cgroup.h>

KERNEL_TYPES_BEGIN

/* Only the names of its values matter (include/linux/psi_types.h). */
enum psi_states {
	PSI_MEM_SOME,
	PSI_MEM_FULL,
	PSI_CPU_SOME,
	PSI_CPU_FULL, /* since 5.13 */
};

/* ns by enum psi_states, of PSI_AVGS first. (BTF has no arrays of two dimensions.) */
struct psi_group {
	__u64 total[1];
};

/* Until 6.0. */
struct cgroup___psi_inside {
	struct psi_group psi;
};

/* Since 6.1: 5f69a6577bc3 ("psi: dont alloc memory for psi by default"). */
struct cgroup___psi_pointer {
	struct psi_group *psi;
};

KERNEL_TYPES_END

/*
 * The address of a group's numbers; 0 where it has none: without CONFIG_PSI. In a hierarchy of
 * version 1 they are 0. The kernel brings them up to date every 2 s while tasks run, and when
 * someone reads the group's file (psi_show(), kernel/sched/psi.c).
 */
static __always_inline __u64 pressure_of(struct cgroup *cgroup)
{
	struct cgroup___psi_pointer *since = (void *)cgroup;
	struct cgroup___psi_inside *before = (void *)cgroup;
	__u64 group;

	if (!bpf_core_enum_value_exists(enum psi_states, PSI_CPU_SOME))
		return 0;
	if (!bpf_core_field_exists(since->psi))
		return address_of(before) +
		       bpf_core_field_offset(struct cgroup___psi_inside, psi.total);
	group = address_of(READ(since, psi));
	return group ? group + bpf_core_field_offset(struct psi_group, total) : 0;
}

/* One of the numbers at pressure_of(): the time of a state that all kernels have, ns. */
#define PRESSURE(numbers, state)                                                                  \
	((numbers) ?                                                                              \
		 word_at((void *)((numbers) + 8 * bpf_core_enum_value(enum psi_states, state))) : \
		 0)

/*
 * That of PSI_CPU_FULL, which follows PSI_CPU_SOME; 0 where the kernel has none. Its own number
 * would be a relocation that fails there, and clang moves it before the test.
 */
static __always_inline __u64 pressure_cpu_full(__u64 numbers)
{
	if (!numbers || !bpf_core_enum_value_exists(enum psi_states, PSI_CPU_FULL))
		return 0;
	return word_at(
		(void *)(numbers + 8 * (bpf_core_enum_value(enum psi_states, PSI_CPU_SOME) + 1)));
}
