#include "user_reads.h"

#include <vector>

#include "features.h"

namespace ringtap {

namespace {

/** Added to a helper's number: no kernel has so many. */
constexpr int32_t kHidden = 0x72640000;

bool IsHelperCall(const bpf_insn& call) {
  return call.code == (BPF_JMP | BPF_CALL) && call.src_reg == 0;
}

/** Libbpf takes a kernel that is locked down to confidentiality for an old one. */
bool IsNeeded() {
  static const bool is_needed =
      HasHelper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_probe_read_kernel) == false &&
      HasHelper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_probe_read_user) == true;
  return is_needed;
}

}  // namespace

bool HideUserRead(bpf_insn& call) {
  if (!IsHelperCall(call) ||
      (call.imm != BPF_FUNC_probe_read_user && call.imm != BPF_FUNC_probe_read_user_str)) {
    return false;
  }
  if (!IsNeeded()) return false;
  call.imm += kHidden;
  return true;
}

int ShowUserReads(bpf_program* program) {
  const bpf_insn* first = bpf_program__insns(program);
  std::vector<bpf_insn> instructions(first, first + bpf_program__insn_cnt(program));
  bool has_hidden = false;
  for (bpf_insn& call : instructions) {
    if (!IsHelperCall(call)) continue;
    if (call.imm != kHidden + BPF_FUNC_probe_read_user &&
        call.imm != kHidden + BPF_FUNC_probe_read_user_str) {
      continue;
    }
    call.imm -= kHidden;
    has_hidden = true;
  }
  if (!has_hidden) return 0;
  return bpf_program__set_insns(program, instructions.data(), instructions.size());
}

}  // namespace ringtap
