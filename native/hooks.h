#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "constants.h"
#include "kernel_types.h"

namespace ringtap {

/**
 * Programs at hooks that are types of the kernel: BTF tracepoints, functions, iterators.
 *
 * libbpf reads the types of the whole kernel for each object that has such a program, and searches
 * them for each (libbpf_prepare_prog_load() and obj_needs_vmlinux_btf() in libbpf.c). So handlers
 * of these sections are registered with libbpf, to which such programs are raw tracepoints until
 * the moment in which it loads them: then they get their type, and the hook's id.
 */
void RegisterHooks();

/** The kernel's name for the hook of a section, as `tp_btf/sched_switch`; nothing where
 * RegisterHooks() has no handler for it. */
std::optional<KernelName> HookOf(const std::string& section);

/** Is it a program of such a section? */
bool HasHook(const bpf_program* program);

/**
 * While it lives, programs of the object that this thread loads get their hooks from `hooks`, ids
 * by section. Libbpf searches the others, also in modules.
 */
class HookScope {
 public:
  HookScope(bpf_object* object, const std::map<std::string, uint32_t>& hooks);
  ~HookScope();
  HookScope(const HookScope&) = delete;
  HookScope& operator=(const HookScope&) = delete;

  /** The id of a program's hook; a negative errno when there is none. */
  static int Find(const bpf_program* program);

  /** Constants::MakeImmediate() for a program of the object; 0 or a negative errno. */
  static int MakeImmediate(bpf_program* program);

 private:
  const bpf_object* object_;
  /** Read when the first program is loaded: then there are the maps. */
  mutable std::optional<Constants> constants_;
  const std::map<std::string, uint32_t>& hooks_;
  /** Of those that libbpf has not found either: the errno, negative. */
  std::map<std::string, int> errors_;
};

}  // namespace ringtap
