#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ringtap {

/**
 * The id of the kernel's bpf_rdonly_cast(), searched for once; 0 when the kernel does not have it
 * (before Linux 6.2), or cannot call it.
 */
int32_t CastFunction();

/**
 * The ELF file at `path`, made to call bpf_rdonly_cast() where it can: see
 * bpf/include/ringtap/read.h; and its calls hidden from libbpf that user_reads.h names. Empty when
 * the file cannot be read, or is damaged, which libbpf reports better.
 */
std::vector<uint8_t> ObjectFileFor(const std::string& path);

}  // namespace ringtap
