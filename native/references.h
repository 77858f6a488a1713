#pragma once

#include <bpf/btf.h>

#include <cstdint>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "file_descriptor.h"
#include "kernel_types.h"

namespace ringtap {

/** What an object refers to in the kernel's types. */
struct References {
  /** Kept, so that the next object finds them in memory. */
  std::shared_ptr<const KernelTypes> kernel;
  /** A file of memory, empty at first, for the types that the object's relocations are about; none
   * where libbpf is to search the kernel's, modules' too. */
  FileDescriptor types;
  /** Those types. */
  std::vector<uint32_t> type_ids;
  /** The ids of hooks by section, as `tp_btf/sched_switch`; those are missing that the kernel
   * itself, without modules, does not have. */
  std::map<std::string, uint32_t> hooks;
};

/** Finds them for an ELF file, whose own types are `local`, null where it has none. */
References FindReferences(std::span<const uint8_t> file, const btf* local);

/** Fills the file, before the object is loaded: that takes a millisecond or two. A positive errno,
 * or 0. */
int WriteTypes(const References& references);

}  // namespace ringtap
