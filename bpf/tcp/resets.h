/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Whose RST it is, and which end has sent it.
 *
 * Data for a socket that its program reads no more is answered by a RST. For a socket that has sent
 * its FIN, tcp_rcv_state_process() calls tcp_reset() first, as if a RST had come, and so
 * tcp_receive_reset fires, then state changes to TCP_CLOSE, a closed socket is destroyed, and only
 * then the RST is sent (tcp_send_reset). Until that is clear the RST waits in the map `undecided`:
 * tcp_send_reset makes it one that was sent; tcp_decide, which userspace runs once a second, one
 * that was received.
 *
 * A socket that is closed and has had its FIN acknowledged becomes a struct inet_timewait_sock
 * (tcp_time_wait()), which answers data by a RST too; and one that is closed and does not wait
 * (TCP_LINGER2) is destroyed before its RST is sent. What they were is kept in the map `ended`.
 */
#pragma once

#include "connection.h"
#include "records.h"

/* RSTs that are not decided, a second's worth; not preallocated. */
#define UNDECIDED_MAX 16384

/*
 * Connections that processes have closed first: so many are kept, 2 MiB, the latest of each CPU. A
 * CPU writes its cells one behind the other, so that the next is near in its caches, where cells by
 * the hash of their ends would be far from all others. An index, 32 KiB, has the latest ENDED_WAYS
 * cells of each hash. (A BPF_MAP_TYPE_LRU_HASH costs several times as much as all else that the end
 * of a connection does.)
 */
#define ENDED_CELLS 16384
#define ENDED_SETS 4096
#define ENDED_WAYS 4

/* CPUs with cells of their own at most, a power of two; others share them. */
#define ENDED_CPUS_MAX 64

/* The same of this machine, a power of two. */
const volatile __u32 ended_cpus = ENDED_CPUS_MAX;

/* A RST that has not been sent in this time was received. It takes microseconds. */
#define DECIDE_NS 100000000ull

struct ended_connection {
	__u64 opened;
	__u64 process_start;
	struct tcp_sample sample;
};

struct undecided_reset {
	__u64 time;
	struct ended_connection of;
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, UNDECIDED_MAX);
	__type(key, __u64); /* the address of the struct sock */
	__type(value, struct undecided_reset);
} undecided SEC(".maps");

/* What a socket and the struct inet_timewait_sock that comes after it have in common. */
struct connection_ends {
	__u64 namespace;
	struct endpoints ends;
};

/* An ended connection as words, the last of which makes them 0 when all are added up by xor. */
struct ended_cell {
	struct connection_ends key;
	struct actor actor;
	__u64 process_start;
	__u64 opened;
	__u32 rtt_us;
	enum tcp_role role;
	__u64 check;
};

#define CELL_WORDS (sizeof(struct ended_cell) / sizeof(__u64))

/* How many cells the CPUs with this number have written; a cache line. */
struct ended_cpu {
	__u64 written;
	__u64 unused[7];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENDED_CPUS_MAX);
	__type(key, __u32);
	__type(value, struct ended_cpu);
} ended_by_cpu SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENDED_CELLS);
	__type(key, __u32);
	__type(value, struct ended_cell);
} ended SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, ENDED_SETS);
	__type(key, __u32);
	__type(value, __u64); /* the latest ENDED_WAYS of a hash: 16 bits each, the number from 1 */
} ended_index SEC(".maps");

static __always_inline __u64 *ended_set_of(struct connection_ends *key)
{
	const __u64 *words = (const __u64 *)key;
	__u64 mixed = 0;
	__u32 set, word;

#pragma unroll
	for (word = 0; word < sizeof(*key) / sizeof(__u64); word++)
		mixed = (mixed ^ words[word]) * 0x9e3779b97f4a7c15ull;
	set = mixed >> 40 & (ENDED_SETS - 1);
	return bpf_map_lookup_elem(&ended_index, &set);
}

/* The number of the next cell of this CPU. */
static __always_inline __u32 next_ended_cell(void)
{
	__u32 cells = ENDED_CELLS / ended_cpus, place = bpf_get_smp_processor_id();
	struct ended_cpu *cpu;

	place &= ended_cpus - 1;
	cpu = bpf_map_lookup_elem(&ended_by_cpu, &place);
	return cpu ? place * cells + (cpu->written++ & (cells - 1)) : 0;
}

static __always_inline __u64 xor_of(const struct ended_cell *cell)
{
	const __u64 *words = (const __u64 *)cell;
	__u64 mixed = 0;
	__u32 word;

#pragma unroll
	for (word = 0; word < CELL_WORDS; word++)
		mixed ^= words[word];
	return mixed;
}

static __always_inline struct connection_ends ends_of(struct sock *sk)
{
	struct connection_ends key = {
		.namespace = address_of(READ(sk, __sk_common.skc_net.net)),
	};

	endpoints_of_sock(&key.ends, sk);
	return key;
}

static __always_inline void describe_ended(struct ended_connection *ended, struct sock *sk,
					   struct connection *c)
{
	ended->opened = c->opened;
	ended->process_start = c->process_start;
	describe_sample(&ended->sample, sk, c);
}

/*
 * A process has closed a connection that may yet send a RST. Where two write the same cell at once,
 * as CPUs that share theirs may, its words do not add up, and neither is found again; where they
 * write the same set, one may be missing there.
 */
static __always_inline void keep_ended(struct sock *sk, struct connection *c)
{
	struct ended_cell cell = {
		.key = ends_of(sk),
		.actor = c->actor,
		.process_start = c->process_start,
		.opened = c->opened,
		.rtt_us = rtt_us_of(sk),
		.role = c->role,
	};
	__u64 *set = ended_set_of(&cell.key);
	__u32 number = next_ended_cell();
	struct ended_cell *place = bpf_map_lookup_elem(&ended, &number);

	if (!set || !place)
		return;
	cell.check = xor_of(&cell);
	*place = cell;
	*set = *set << 16 | (number + 1);
}

/* Is a RST received, as the kernel says, or will it be sent? */
static __always_inline bool is_undecided(struct sock *sk)
{
	int state = READ(sk, __sk_common.skc_state);

	return (state == TCP_FIN_WAIT1 || state == TCP_FIN_WAIT2) &&
	       READ(sk, sk_shutdown) & RCV_SHUTDOWN;
}

static __always_inline void report_received(struct undecided_reset *reset)
{
	report_reset(&reset->of.sample, reset->of.process_start, TCP_EVENT_RESET_RECEIVED,
		     reset->time, reset->of.opened);
}

static __always_inline void defer_reset(struct sock *sk, struct undecided_reset *reset)
{
	__u64 key = (__u64)sk;
	struct undecided_reset *earlier = bpf_map_lookup_elem(&undecided, &key);

	/* Of a connection that the socket's memory held before. */
	if (earlier)
		report_received(earlier);
	update_or_count(&undecided, &key, reset, BPF_ANY);
}

/* Moves the undecided RST of a socket that sends one in reply, if there is one. */
static __always_inline bool pop_undecided(struct sock *sk, struct ended_connection *connection)
{
	__u64 key = (__u64)sk;
	struct undecided_reset *reset = bpf_map_lookup_elem(&undecided, &key);

	if (!reset)
		return false;
	/* Not of a connection that the socket's memory held before. */
	if (local_port(sk) != reset->of.sample.ends.local_port ||
	    remote_port(sk) != reset->of.sample.ends.remote_port ||
	    bpf_ktime_get_ns() - reset->time > DECIDE_NS)
		return false;
	*connection = reset->of;
	bpf_map_delete_elem(&undecided, &key);
	return true;
}

static __always_inline bool has_key(const struct ended_cell *cell,
				    const struct connection_ends *key)
{
	const __u64 *left = (const __u64 *)&cell->key, *right = (const __u64 *)key;
	__u64 differs = 0;
	__u32 word;

#pragma unroll
	for (word = 0; word < sizeof(*key) / sizeof(__u64); word++)
		differs |= left[word] ^ right[word];
	return !differs;
}

/* Copies the connection that a process has closed, and that `sk` answers for. */
static __always_inline bool find_ended(struct sock *sk, struct ended_connection *connection)
{
	struct connection_ends key = ends_of(sk);
	struct ended_cell *place, cell;
	__u32 number, back;
	__u64 *set;

	if (READ(sk, __sk_common.skc_state) == TCP_TIME_WAIT)
		key.ends.local_port = READ(sk, __sk_common.skc_num);
	set = ended_set_of(&key);
	if (!set)
		return false;
	/* The latest one first: ports are used again. */
	for (back = 0; back < ENDED_WAYS; back++) {
		number = (__u16)(*set >> back * 16) - 1;
		place = bpf_map_lookup_elem(&ended, &number);
		if (!place)
			continue;
		cell = *place;
		if (!has_key(&cell, &key) || xor_of(&cell))
			continue;
		__builtin_memset(connection, 0, sizeof(*connection));
		connection->opened = cell.opened;
		connection->process_start = cell.process_start;
		connection->sample.rtt_us = cell.rtt_us;
		connection->sample.state = TCP_CLOSE;
		connection->sample.role = cell.role;
		connection->sample.phase = PHASE_CLOSED;
		connection->sample.actor = cell.actor;
		connection->sample.ends = cell.key.ends;
		return true;
	}
	return false;
}

/* Reports the RSTs that have turned out to be received; writes no records of its own. */
SEC("iter/bpf_map_elem")
int tcp_decide(struct bpf_iter__bpf_map_elem *ctx)
{
	struct undecided_reset *reset = ctx->value, decided;
	__u64 *key = ctx->key, address;

	if (!key || !reset || bpf_ktime_get_ns() - reset->time <= DECIDE_NS)
		return 0;
	address = *key;
	decided = *reset;
	if (!bpf_map_delete_elem(&undecided, &address))
		report_received(&decided);
	return 0;
}
