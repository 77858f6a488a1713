/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Fills a signal's own ring with records that look real, as many as `control` says: a getppid(2) of
 * the benchmark's own process writes them all in one go. What they say follows from their number
 * alone, so every contender gets the same ones.
 */
#pragma once

const volatile __u32 filler_tgid = 0;
const volatile __u64 getppid_nr = 0;

struct control {
	__u64 records;	 /* to be written by the next getppid(2) */
	__u64 processes; /* they are spread over so many */
	__u64 written;	 /* before: the number of the first one */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct control);
} control SEC(".maps");

/* The first process; the others follow. None is a real one: pid_max is at most 2^22. */
#define FIRST_TGID (1u << 22)

/* Different names of processes, as on a machine with many workers of few kinds. */
#define COMMS 64

/* Spreads a number over 64 bits: the finalizer of splitmix64. */
static __always_inline __u64 mix(__u64 number)
{
	number += 0x9e3779b97f4a7c15;
	number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
	number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
	return number ^ (number >> 31);
}

static __always_inline void invent_actor(struct actor *actor, __u32 process)
{
	char comm[COMM_LEN] = "service-00";

	comm[8] += process % COMMS / 10;
	comm[9] += process % COMMS % 10;
	actor->tgid = FIRST_TGID + process;
	actor->tid = actor->tgid;
	__builtin_memcpy(actor->comm, comm, sizeof(comm));
	__builtin_memcpy(actor->thread_comm, comm, sizeof(comm));
	actor->cgroup = 0;
}

/* 256 ns to 33 ms, as many of one power of two as of another. */
static __always_inline __u64 invent_duration(__u64 random)
{
	return (256 + (random & 255)) << (random >> 8 & 15);
}

/* Each filler defines it. */
static __always_inline void write_record(__u64 number, __u64 processes);

static long write_next(__u64 index, struct control *control)
{
	write_record(control->written + index, control->processes);
	return 0;
}

SEC("tp_btf/sys_enter")
int BPF_PROG(fill, struct pt_regs *regs, long id)
{
	__u32 zero = 0;
	struct control *wanted, copy;

	if ((__u64)id != getppid_nr || bpf_get_current_pid_tgid() >> 32 != filler_tgid)
		return 0;
	wanted = bpf_map_lookup_elem(&control, &zero);
	if (!wanted || !wanted->processes)
		return 0;
	copy = *wanted;
	bpf_loop(copy.records, write_next, &copy, 0);
	wanted->records = 0;
	return 0;
}
