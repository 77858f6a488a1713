#include "constants.h"

#include <linux/bpf.h>

#include <cstring>
#include <vector>

namespace ringtap {

namespace {

/** Bytes that a load takes; 0 for another instruction, or one that extends a sign. */
size_t LoadedBytes(const bpf_insn& load) {
  switch (load.code) {
    case BPF_LDX | BPF_MEM | BPF_B:
      return 1;
    case BPF_LDX | BPF_MEM | BPF_H:
      return 2;
    case BPF_LDX | BPF_MEM | BPF_W:
      return 4;
    case BPF_LDX | BPF_MEM | BPF_DW:
      return 8;
    default:
      return 0;
  }
}

/** Of each instruction: may another one jump to it? */
std::vector<bool> FindTargets(std::span<const bpf_insn> instructions) {
  std::vector<bool> targets(instructions.size());
  for (size_t at = 0; at < instructions.size(); ++at) {
    const bpf_insn& jump = instructions[at];
    const uint8_t kind = BPF_CLASS(jump.code), operation = BPF_OP(jump.code);
    if ((kind != BPF_JMP && kind != BPF_JMP32) || operation == BPF_CALL || operation == BPF_EXIT) {
      continue;
    }
    const bool is_long = kind == BPF_JMP32 && operation == BPF_JA;
    const size_t target = at + 1 + (is_long ? jump.imm : jump.off);
    if (target < targets.size()) targets[target] = true;
  }
  return targets;
}

/** Is it an address in a map, and then a load from there? */
bool IsLoadOfMap(const bpf_insn& address, const bpf_insn& load) {
  return address.code == (BPF_LD | BPF_IMM | BPF_DW) && address.src_reg == BPF_PSEUDO_MAP_VALUE &&
         LoadedBytes(load) != 0 && load.src_reg == address.dst_reg;
}

/** A move of a number of 32 bits. */
bpf_insn Move(uint8_t to, uint32_t value) {
  // One of 64 bits would extend its sign.
  const uint8_t width = value >> 31 ? BPF_ALU : BPF_ALU64;
  return {.code = static_cast<uint8_t>(width | BPF_MOV | BPF_K),
          .dst_reg = to,
          .imm = static_cast<int32_t>(value)};
}

}  // namespace

Constants::Constants(const bpf_object* object) {
  const bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (!bpf_map__is_internal(map) || !(bpf_map__map_flags(map) & BPF_F_RDONLY_PROG)) continue;
    size_t size = 0;
    const void* value = bpf_map__initial_value(const_cast<bpf_map*>(map), &size);
    if (value != nullptr) sections_[bpf_map__fd(map)] = {static_cast<const uint8_t*>(value), size};
  }
}

std::optional<uint64_t> Constants::ValueAt(int map, int64_t offset, size_t bytes) const {
  const auto section = sections_.find(map);
  if (section == sections_.end()) return {};
  const std::span<const uint8_t> values = section->second;
  if (offset < 0 || offset + bytes > values.size()) return {};
  uint64_t value = 0;
  std::memcpy(&value, values.data() + offset, bytes);
  return value;
}

int Constants::MakeImmediate(bpf_program* program) const {
  const bpf_insn* first = bpf_program__insns(program);
  std::vector<bpf_insn> instructions(first, first + bpf_program__insn_cnt(program));
  const std::vector<bool> targets = FindTargets(instructions);
  bool has_changed = false;
  for (size_t at = 0; at + 3 <= instructions.size(); ++at) {
    bpf_insn& low = instructions[at];
    bpf_insn& high = instructions[at + 1];
    bpf_insn& load = instructions[at + 2];
    if (targets[at + 2] || !IsLoadOfMap(low, load)) continue;
    const std::optional<uint64_t> value =
        ValueAt(low.imm, static_cast<int64_t>(high.imm) + load.off, LoadedBytes(load));
    if (!value) continue;
    // As many instructions as before, of which none is a jump, so that the verifier walks the
    // program as it would have.
    if (load.dst_reg == low.dst_reg) {
      low.src_reg = 0;
      low.imm = static_cast<int32_t>(*value);
      high.imm = static_cast<int32_t>(*value >> 32);
      load.code = BPF_ALU64 | BPF_MOV | BPF_X;
      load.off = 0;
    } else if (*value >> 32 == 0) {
      load = Move(load.dst_reg, *value);
    } else {
      continue;
    }
    has_changed = true;
  }
  if (!has_changed) return 0;
  return bpf_program__set_insns(program, instructions.data(), instructions.size());
}

}  // namespace ringtap
