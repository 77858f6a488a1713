/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Counts that are kept in the kernel until userspace reads them, in lines: each has a key, and the
 * counts of that key.
 *
 * A line is an element of an mmapable array that is used as an open hash table, since an element of
 * an array is found without a function call, where a lookup in a hash map costs as much as the rest
 * of a program. It begins with the key, of 64-bit words, the first of which is 0 while the line is
 * free; all other words are counts, which only grow. LINES() declares two maps of the same size:
 *
 *   lines   BPF_MAP_TYPE_ARRAY with BPF_F_MMAPABLE. Userspace maps it, and frees the lines of
 *           processes that have ended;
 *   taken   BPF_MAP_TYPE_HASH with BPF_F_NO_PREALLOC: the keys of the lines in use, by index. The
 *           first to add a line here has it. (Compare-and-swap is not to be had in programs before
 *           Linux 5.12.) From here userspace knows which lines to read; it deletes a line's entry
 *           only when it has zeroed the line.
 *
 * Two CPUs that meet a new key at once may give it two lines, and so may an event that finds a
 * freed line before its own: userspace adds them up (counters() of src/sdk/signal.ts).
 */
#pragma once

#include <ringtap/line_maps.h>
#include <ringtap/task.h>

/* In place of a tgid: the processes that have no line of their own. */
#define OTHER_TGID 0xffffffffu

/* So many lines are tried before an event is counted in the overflow line. */
#define PROBES 16

/*
 * A process and a number. A tgid is given to another process as soon as one has ended, long before
 * userspace has read what that one did.
 */
struct process_key {
	__u64 pair;  /* tgid, or OTHER_TGID, in the low half, the number in the high one */
	__u64 start; /* of the process, CLOCK_MONOTONIC, ns; 0 with OTHER_TGID */
};

/*
 * The same for counts that stay with the name and the control group that the process had at that
 * moment (struct actor); all that follows `start` is 0 with OTHER_TGID.
 */
struct actor_key {
	struct process_key process;
	__u64 comm[COMM_LEN / 8]; /* before Linux 5.17, there may be more behind its end */
	__u64 cgroup;
};

static __always_inline struct process_key process_key(__u32 tgid, __u64 start, __u32 number)
{
	return (struct process_key){ .pair = (__u64)number << 32 | tgid, .start = start };
}

/* The name of a process, of which this is the first task. The verifier knows the task's type. */
static __always_inline void copy_process_comm(__u64 *to, struct task_struct *leader)
{
	const __u64 *comm = (void *)leader->comm;

	if (has_typed_task()) {
		to[0] = comm[0];
		to[1] = comm[1];
	} else {
		read_comm((char *)to, leader);
	}
}

/* The name of the current task's process. */
static __always_inline void current_process_comm(__u64 *to)
{
	if (has_typed_task())
		copy_process_comm(to, bpf_get_current_task_btf()->group_leader);
	else
		read_comm((char *)to, READ(current_task(), group_leader));
}

/*
 * The key of a task's process, and a number. The verifier knows the task's type: it is an argument
 * of a tp_btf program, or bpf_get_current_task_btf().
 */
static __always_inline void actor_key_of(struct actor_key *key, struct task_struct *task,
					 __u32 number)
{
	struct task_struct *leader = task->group_leader;

	key->process = process_key(task->tgid, leader->start_time, number);
	copy_process_comm(key->comm, leader);
	key->cgroup = cgroup_id_of(task);
}

/* The key of the current task's process, and a number. */
static __always_inline void current_actor_key(struct actor_key *key, __u32 number)
{
	if (has_typed_task()) {
		actor_key_of(key, bpf_get_current_task_btf(), number);
	} else {
		struct process_id process = current_process();

		key->process = process_key(process.tgid, process.start, number);
		read_comm((char *)key->comm, READ(current_task(), group_leader));
		key->cgroup = current_cgroup();
	}
}

/* Does a line have this key? */
static __always_inline bool line_has_key(const __u64 *line, const __u64 *key, __u32 words)
{
	__u64 differs = 0;
	__u32 word;

#pragma unroll
	for (word = 0; word < words; word++)
		differs |= line[word] ^ key[word];
	return !differs;
}

/*
 * The line `index`, if it is the key's or can be made so, else NULL. Another CPU that sees only the
 * half of a new key takes the line for one of another key, and goes on.
 */
static __always_inline void *line_at(void *lines, void *taken, __u32 index, const __u64 *key,
				     __u32 words)
{
	__u64 *line = bpf_map_lookup_elem(lines, &index);
	__u32 word;

	if (!line)
		return NULL;
	if (line_has_key(line, key, words))
		return line;
	if (line[0] || bpf_map_update_elem(taken, &index, key, BPF_NOEXIST))
		return NULL;
#pragma unroll
	for (word = words - 1; word > 0; word--)
		line[word] = key[word];
	*(volatile __u64 *)line = key[0];
	return line;
}

/*
 * Where the line of a key is looked for first. A product's low bits do not depend on the high bits
 * of its factors, and keys differ in any bits: names in their last letters, numbers in their
 * highest. So what the first products have in their high half goes into another one.
 */
static __always_inline __u32 line_home_of(const __u64 *key, __u32 words)
{
	__u64 mixed = 0;
	__u32 word;

#pragma unroll
	for (word = 0; word < words; word++)
		mixed ^= key[word] * (0x9e3779b97f4a7c15ull + 2 * word * 0x6a09e667f3bcc909ull);
	mixed ^= mixed >> 32;
	return mixed * 0x9e3779b97f4a7c15ull >> 32;
}

/*
 * The line of a key among the first `size`, a power of two, and its index; NULL when `probes` of
 * them are others', or for want of memory. `home` is its line_home_of().
 */
static __always_inline void *find_line_from(void *lines, void *taken, __u32 size, const __u64 *key,
					    __u32 words, __u32 probes, __u32 home, __u32 *index)
{
	__u32 probe;
	void *line;

	for (probe = 0; probe < probes; probe++) {
		*index = (home + probe) & (size - 1);
		line = line_at(lines, taken, *index, key, words);
		if (line)
			return line;
	}
	return NULL;
}

static __always_inline void *find_line_at(void *lines, void *taken, __u32 size, const __u64 *key,
					  __u32 words, __u32 probes, __u32 *index)
{
	return find_line_from(lines, taken, size, key, words, probes, line_home_of(key, words),
			      index);
}

/* The line alone. */
static __always_inline void *find_line_among(void *lines, void *taken, __u32 size, const __u64 *key,
					     __u32 words, __u32 probes)
{
	__u32 index;

	return find_line_at(lines, taken, size, key, words, probes, &index);
}

/*
 * The same for PROBES. Where there is none, the event is counted in an overflow line, one of those
 * behind them, by line_at() and a key with OTHER_TGID.
 */
static __always_inline void *find_line(void *lines, void *taken, __u32 size, const __u64 *key,
				       __u32 words)
{
	return find_line_among(lines, taken, size, key, words, PROBES);
}
