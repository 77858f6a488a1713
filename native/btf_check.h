#pragma once

#include <string>

namespace ringtap {

/**
 * Looks through the BTF of an ELF file before libbpf uses it, which takes for granted that ids,
 * names and sizes in it are right. Returns what is wrong with it; empty when nothing is, and for a
 * file whose BTF cannot be read at all, of which libbpf tells better.
 */
std::string FaultInBtf(const std::string& path);

}  // namespace ringtap
