// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The signal syscall with a filler beside its programs. */
#include "bpf/syscall/syscall.bpf.c"
#include "fill.h"

#include <asm-generic/errno-base.h>

/* Each process makes so many different calls. */
#define CALLS_OF_PROCESS 4

/* One call in so many fails. */
#define FAILS_EVERY 16

static __always_inline void write_record(__u64 number, __u64 processes)
{
	struct syscall_event *event = reserve(sizeof(*event));
	__u64 random = mix(number);
	__u32 process = (random >> 32) % processes;

	if (!event)
		return;
	event->duration = invent_duration(random);
	event->time = bpf_ktime_get_ns();
	event->error = random >> 16 & (FAILS_EVERY - 1) ? 0 : EAGAIN;
	event->ret = -(__s64)event->error;
	event->nr = (process * CALLS_OF_PROCESS + (random >> 20) % CALLS_OF_PROCESS) % 64;
	invent_actor(&event->actor, process);
	bpf_ringbuf_submit(event, BPF_RB_NO_WAKEUP);
}
