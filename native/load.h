#pragma once

#include <napi.h>

#include "bpf_file.h"

namespace ringtap {

/**
 * Loads maps and programs into the kernel. Libbpf raises RLIMIT_MEMLOCK by itself where the kernel
 * still charges it (before 5.11: bump_rlimit_memlock in libbpf's bpf.c). The error names the
 * program or map that failed, where libbpf's log tells.
 */
void LoadFile(Napi::Env env, BpfFile& file);

/**
 * Begins that in a thread of its own; LoadFile() waits for its end. As many load at a time as there
 * are CPUs.
 */
void BeginLoadFile(Napi::Env env, BpfFile& file);

}  // namespace ringtap
