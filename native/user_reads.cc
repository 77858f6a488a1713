#include "user_reads.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstring>
#include <string>
#include <vector>

#include "features.h"

namespace ringtap {

namespace {

/** Added to a helper's number: no kernel has so many. */
constexpr int32_t kHidden = 0x72640000;

bool IsHelperCall(const bpf_insn& call) {
  return call.code == (BPF_JMP | BPF_CALL) && call.src_reg == 0;
}

/** What stands behind the slash of `tp_btf/sched_switch`. */
const char* HookOf(const bpf_program* program) {
  const char* slash = std::strchr(bpf_program__section_name(program), '/');
  return slash == nullptr ? "" : slash + 1;
}

/** As libbpf's own handlers of these sections do it, which have to be there for no one else. */
int Prepare(bpf_program* program, bpf_prog_load_opts* options, long) {
  const int hook =
      libbpf_find_vmlinux_btf_id(HookOf(program), bpf_program__expected_attach_type(program));
  // In a module, whose types only libbpf's own handlers search.
  if (hook <= 0) return -ESRCH;
  options->attach_btf_id = hook;
  const bpf_insn* first = bpf_program__insns(program);
  std::vector<bpf_insn> instructions(first, first + bpf_program__insn_cnt(program));
  for (bpf_insn& call : instructions) {
    if (!IsHelperCall(call)) continue;
    if (call.imm == kHidden + BPF_FUNC_probe_read_user) call.imm = BPF_FUNC_probe_read_user;
    if (call.imm == kHidden + BPF_FUNC_probe_read_user_str) call.imm = BPF_FUNC_probe_read_user_str;
  }
  return bpf_program__set_insns(program, instructions.data(), instructions.size());
}

int Attach(const bpf_program* program, long, bpf_link** link) {
  *link = bpf_program__attach_trace(program);
  return *link == nullptr ? -errno : 0;
}

bool Register(const char* section, bpf_attach_type type) {
  LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = Prepare,
              .prog_attach_fn = Attach);
  return libbpf_register_prog_handler(section, BPF_PROG_TYPE_TRACING, type, &options) > 0;
}

/** Registers the handlers where they are needed, which stay. */
bool IsNeeded() {
  return HasHelper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_probe_read_kernel) == false &&
         HasHelper(BPF_PROG_TYPE_TRACEPOINT, BPF_FUNC_probe_read_user) == true &&
         Register("tp_btf+", BPF_TRACE_RAW_TP) && Register("fentry+", BPF_TRACE_FENTRY) &&
         Register("fexit+", BPF_TRACE_FEXIT);
}

}  // namespace

bool HideUserRead(bpf_insn& call) {
  if (!IsHelperCall(call) ||
      (call.imm != BPF_FUNC_probe_read_user && call.imm != BPF_FUNC_probe_read_user_str)) {
    return false;
  }
  static const bool is_needed = IsNeeded();
  if (is_needed) call.imm += kHidden;
  return is_needed;
}

}  // namespace ringtap
