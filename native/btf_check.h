#pragma once

#include <bpf/btf.h>

#include <string>

namespace ringtap {

/**
 * Validates the BTF of an ELF file before libbpf uses it, which assumes that ids, names and sizes
 * in it are right. Returns what is wrong with it; empty when it is valid, and when it is null: BTF
 * that cannot be read at all libbpf reports better.
 */
std::string FaultInBtf(const btf* types);

}  // namespace ringtap
