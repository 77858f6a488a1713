// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/*
 * The least that it costs to find requests of HTTP by the system calls of their programs, as
 * Coroot's agent does (ebpftracer/ebpf/l7 of coroot-node-agent; read, and written anew for this):
 * classic tracepoints on entry and return of ten calls, what stands in the buffer found by
 * (process, descriptor), one request under way for each, of which 1 KiB is kept. What such an agent
 * does with that then, in a buffer between kernel and userspace and behind it, is left out.
 */
#include <linux/bpf.h>

#include <bpf/bpf_helpers.h>

#define PAYLOAD 1024

struct enter {
	__u64 common;
	__u64 nr;
	__u64 args[6];
};

struct leave {
	__u64 common;
	__u64 nr;
	__s64 ret;
};

enum shape {
	BUFFER,
	VECTOR,	 /* of struct iovec */
	MESSAGE, /* struct msghdr, with a vector */
};

struct call {
	__u64 fd;
	__u64 at;
	__u64 shape;
};

struct descriptor {
	__u32 tgid;
	__u32 fd;
};

struct request {
	__u64 begin;
	__u64 duration;
	char payload[PAYLOAD];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 10240);
	__type(key, __u64);
	__type(value, struct call);
} calls SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 32768);
	__type(key, struct descriptor);
	__type(value, struct request);
} requests SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct request);
} scratch SEC(".maps");

static __always_inline int entered(struct enter *ctx, enum shape shape)
{
	struct call call = { .fd = ctx->args[0], .at = ctx->args[1], .shape = shape };
	__u64 id = bpf_get_current_pid_tgid();

	bpf_map_update_elem(&calls, &id, &call, BPF_ANY);
	return 0;
}

/* Where the bytes of a call begin. */
static __always_inline __u64 buffer_of(const struct call *call)
{
	__u64 at = call->at;

	if (call->shape == MESSAGE)
		bpf_probe_read_user(&at, sizeof(at), (void *)(at + 16));
	if (call->shape != BUFFER)
		bpf_probe_read_user(&at, sizeof(at), (void *)at);
	return at;
}

static __always_inline int begin(const struct descriptor *key, __u64 buffer)
{
	__u32 zero = 0;
	struct request *request = bpf_map_lookup_elem(&scratch, &zero);

	if (!request)
		return 0;
	request->begin = bpf_ktime_get_ns();
	bpf_probe_read_user(request->payload, PAYLOAD, (void *)buffer);
	bpf_map_update_elem(&requests, key, request, BPF_ANY);
	return 0;
}

static __always_inline int left(struct leave *ctx)
{
	__u64 id = bpf_get_current_pid_tgid();
	struct call *call = bpf_map_lookup_elem(&calls, &id);
	struct descriptor key = { .tgid = id >> 32 };
	struct request *request;
	__u32 word = 0;
	__u64 buffer;

	if (!call)
		return 0;
	key.fd = call->fd;
	buffer = buffer_of(call);
	bpf_map_delete_elem(&calls, &id);
	if (ctx->ret <= 0)
		return 0;
	bpf_probe_read_user(&word, sizeof(word), (void *)buffer);
	if (word == 0x20544547 /* "GET " */)
		return begin(&key, buffer);
	if (word != 0x50545448 /* "HTTP" */)
		return 0;
	request = bpf_map_lookup_elem(&requests, &key);
	if (request)
		request->duration = bpf_ktime_get_ns() - request->begin;
	bpf_map_delete_elem(&requests, &key);
	return 0;
}

#define CALL(name, shape)                                                             \
	SEC("tp/syscalls/sys_enter_" #name) int calls_enter_##name(struct enter *ctx) \
	{                                                                             \
		return entered(ctx, shape);                                           \
	}                                                                             \
	SEC("tp/syscalls/sys_exit_" #name) int calls_exit_##name(struct leave *ctx)   \
	{                                                                             \
		return left(ctx);                                                     \
	}

CALL(read, BUFFER)
CALL(write, BUFFER)
CALL(readv, VECTOR)
CALL(writev, VECTOR)
CALL(recvfrom, BUFFER)
CALL(sendto, BUFFER)
CALL(recvmsg, MESSAGE)
CALL(sendmsg, MESSAGE)
CALL(recvmmsg, MESSAGE)
CALL(sendmmsg, MESSAGE)

char LICENSE[] SEC("license") = "Dual BSD/GPL";
