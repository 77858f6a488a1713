#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "bpf_file.h"

namespace ringtap {

/** Where in a file of machine code a program is to run. */
struct UprobePlaces {
  std::string path;
  /** Offsets in the file, and what the program gets as its cookie at each of them. */
  std::span<const uint32_t> offsets;
  std::span<const uint32_t> cookies;
  /** When the function returns that was entered there. */
  bool at_return;
};

/** Whether the kernel takes a program on many places as one link (uprobe_multi, 6.6). False also
 * for those that may load no program. */
bool HasUprobeMulti();

/** Makes programs of sections `uprobe.multi` what newer versions of libbpf make of them. */
void PrepareUprobes(bpf_object* object);

/**
 * Attaches a loaded program, as one link where the kernel has those (uprobe_multi, 6.6), else as a
 * perf event for each place. Negative errno in `error` when the kernel refuses, and nothing is
 * left.
 */
std::unique_ptr<Uprobes> AttachUprobes(const bpf_program* program, const UprobePlaces& places,
                                       int& error);

}  // namespace ringtap
