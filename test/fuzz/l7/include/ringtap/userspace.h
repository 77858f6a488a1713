/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the parsers of bpf/l7/ use of the kernel and of bpf/include/ringtap/, for a process: maps of
 * any size, lines found by a search, and the bytes of a call in the process's own memory.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

#include <linux/bpf.h>

#undef __always_inline
#undef __noinline
#define __always_inline inline __attribute__((always_inline))
#define __noinline __attribute__((noinline))

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) typeof(value) *name
#define EXPORT_RECORD(type) struct type *export_##type
#define barrier() __asm__ volatile("" ::: "memory")
#define READ_ONCE(x) (*(const volatile typeof(x) *)&(x))

#define COMM_LEN 16
#define OTHER_TGID 0xffffffffu
#define PROBES 16

struct sock;

struct process_key {
	__u64 pair;
	__u64 start;
};

struct actor_key {
	struct process_key process;
	__u64 comm[COMM_LEN / 8];
	__u64 cgroup;
};

struct actor {
	__u32 tgid;
	__u32 tid;
	char comm[COMM_LEN];
	char thread_comm[COMM_LEN];
	__u64 cgroup;
};

struct endpoints {
	__u32 family;
	__u32 local_address[4];
};

static inline struct process_key process_key(__u32 tgid, __u64 start, __u32 number)
{
	return (struct process_key){ .pair = (__u64)number << 32 | tgid, .start = start };
}

static inline void atomic_inc(__u64 *counter)
{
	(*counter)++;
}

static inline __u32 current_tgid(void)
{
	return 1;
}

static inline __u32 current_tid(void)
{
	return 1;
}

/* All connections are those of a resolver: no other parser asks. */
static inline __u16 local_port(struct sock *sk)
{
	return 53;
}

static inline __u16 remote_port(struct sock *sk)
{
	return 53;
}

enum sock_flags { SOCK_DONE };

/* The other end has closed each connection. */
static inline bool has_flag(struct sock *sk, unsigned int flag)
{
	return true;
}

static inline __u64 sent_time(struct sock *sk)
{
	return 0;
}

static inline void endpoints_of_sock(struct endpoints *endpoints, struct sock *sk)
{
}

enum drop {
	NOT_DROPPED,
	RING_FULL,
	MAP_FULL,
	SAMPLED,
};

/* The ring is full: all is counted in lines. */
static int events;

struct account {
	__u64 produced;
};

static inline struct account *account_of_this_cpu(void)
{
	return NULL;
}

static inline bool sampling_skips(__u64 waiting)
{
	return false;
}

/* Each record is wanted. */
static inline __u32 bpf_get_prandom_u32(void)
{
	return 0;
}

static inline __u64 waiting_bytes(void)
{
	return 0;
}

static inline __u64 address_of(const void *pointer)
{
	return (__u64)pointer;
}

static inline void submit_behind(void *record, __u64 waiting)
{
}

/* No header block is wanted (blocks_wanted). */
static inline __u64 bpf_ringbuf_query(void *ring, __u64 flags)
{
	return 0;
}

static inline void *bpf_ringbuf_reserve(void *ring, __u64 size, __u64 flags)
{
	return NULL;
}

static inline void bpf_ringbuf_submit(void *record, __u64 flags)
{
}

static inline void bpf_ringbuf_discard(void *record, __u64 flags)
{
}

static inline void count_drop(enum drop reason)
{
}

static inline void count_drops(enum drop reason, __u64 events)
{
}

/* As bpf_helpers.h has it. */
#define barrier_var(var) asm volatile("" : "=r"(var) : "0"(var))

/* harness.c has these. */
void count_map_full(void);
__u64 bpf_ktime_get_ns(void);
void *bpf_map_lookup_elem(void *map, const void *key);
long bpf_map_update_elem(void *map, const void *key, const void *value, __u64 flags);
long bpf_map_delete_elem(void *map, const void *key);
long bpf_probe_read_user(void *to, __u32 size, const void *from);
long bpf_loop_of(__u32 most, long (*step)(__u32, void *), void *context);
void *find_line(void *lines, void *taken, __u32 size, const __u64 *key, __u32 words);
void *find_line_at(void *lines, void *taken, __u32 size, const __u64 *key, __u32 words,
		   __u32 probes, __u32 *index);
void *line_at(void *lines, void *taken, __u32 index, const __u64 *key, __u32 words);

long for_each_entry(void *map, long (*call)(void *, const void *, void *, void *), void *context);

#define bpf_for_each_map_elem(map, call, context, flags) \
	for_each_entry(map, (long (*)(void *, const void *, void *, void *))(call), context)

#define bpf_loop(most, step, context, flags) \
	bpf_loop_of(most, (long (*)(__u32, void *))(step), context)
