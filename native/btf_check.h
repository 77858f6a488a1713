#pragma once

#include <string>

namespace ringtap {

/**
 * Validates the BTF of an ELF file before libbpf uses it, which assumes that ids, names and sizes
 * in it are right. Returns what is wrong with it; empty when it is valid, and when the BTF cannot
 * be read at all, which libbpf reports better.
 */
std::string FaultInBtf(const std::string& path);

}  // namespace ringtap
