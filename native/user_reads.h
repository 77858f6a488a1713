#pragma once

#include <bpf/libbpf.h>
#include <linux/bpf.h>

namespace ringtap {

/**
 * Keeps libbpf from spoiling the programs that read user memory on a kernel that is locked down to
 * confidentiality: there bpf_probe_read_kernel() is forbidden, and libbpf takes the kernel for one
 * before Linux 5.5. So it replaces bpf_probe_read_user() and bpf_probe_read_user_str(), which are
 * allowed, by the older helpers for both kinds of memory, which are not
 * (bpf_object__sanitize_prog() in libbpf.c). Other programs than those that hooks.h is about are
 * spoiled.
 *
 * Before libbpf opens a file, each call in it is hidden from libbpf. Returns whether it is such a
 * call, on such a kernel.
 */
bool HideUserRead(bpf_insn& call);

/** Restores such calls of a program that is about to be loaded; 0 or a negative errno. */
int ShowUserReads(bpf_program* program);

}  // namespace ringtap
