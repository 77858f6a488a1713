// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The signal file with a program that every kernel loads and none attaches. */
#include "bpf/file/file.bpf.c"

SEC("tracepoint/ringtap/no_such_event")
int attach_nowhere(void *context)
{
	return 0;
}
