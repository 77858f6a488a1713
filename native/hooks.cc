#include "hooks.h"

#include <bpf/bpf.h>
#include <bpf/btf.h>

#include <algorithm>
#include <cerrno>
#include <mutex>
#include <string_view>

#include "log.h"
#include "user_reads.h"

namespace ringtap {

namespace {

/** btf_get_kernel_prefix_kind() in libbpf.c has the same. */
struct Kind {
  std::string_view section;
  bpf_attach_type type;
  const char* prefix;
  uint32_t kind;
};

constexpr Kind kKinds[] = {
    {"tp_btf", BPF_TRACE_RAW_TP, "btf_trace_", BTF_KIND_TYPEDEF},
    {"fentry", BPF_TRACE_FENTRY, "", BTF_KIND_FUNC},
    {"fexit", BPF_TRACE_FEXIT, "", BTF_KIND_FUNC},
    {"iter", BPF_TRACE_ITER, "bpf_iter_", BTF_KIND_FUNC},
};

thread_local const HookScope* scope_of_load = nullptr;

/** What stands behind the slash. */
std::string HookName(const bpf_program* program) {
  const std::string section = bpf_program__section_name(program);
  return section.substr(std::min(section.find('/'), section.size() - 1) + 1);
}

int Prepare(bpf_program* program, bpf_prog_load_opts* options, long) {
  if (options->attach_btf_id == 0) {
    const int found = HookScope::Find(program);
    if (found < 0) return found;
    options->attach_btf_id = found;
  }
  int error = bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
  if (error == 0) error = ShowUserReads(program);
  return error != 0 ? error : HookScope::MakeImmediate(program);
}

}  // namespace

void RegisterHooks() {
  static std::once_flag once;
  std::call_once(once, [] {
    for (const Kind& kind : kKinds) {
      LIBBPF_OPTS(libbpf_prog_handler_opts, options, .prog_prepare_load_fn = Prepare);
      const std::string sections = std::string(kind.section) + "+";
      libbpf_register_prog_handler(sections.c_str(), BPF_PROG_TYPE_RAW_TRACEPOINT, kind.type,
                                   &options);
    }
  });
}

std::optional<KernelName> HookOf(const std::string& section) {
  const size_t slash = section.find('/');
  if (slash == section.npos) return {};
  for (const Kind& kind : kKinds) {
    if (section.compare(0, slash, kind.section) != 0) continue;
    return KernelName{.name = kind.prefix + section.substr(slash + 1), .kind = kind.kind};
  }
  return {};
}

bool HasHook(const bpf_program* program) {
  return HookOf(bpf_program__section_name(program)).has_value();
}

HookScope::HookScope(bpf_object* object, const std::map<std::string, uint32_t>& hooks)
    : object_(object), hooks_(hooks) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    const std::string section = bpf_program__section_name(program);
    if (!bpf_program__autoload(program) || !HasHook(program) || hooks.contains(section)) continue;
    int error = bpf_program__set_attach_target(program, 0, HookName(program).c_str());
    if (error == 0) error = bpf_program__set_type(program, BPF_PROG_TYPE_TRACING);
    if (error != 0) errors_[section] = error;
  }
  scope_of_load = this;
}

int HookScope::MakeImmediate(bpf_program* program) {
  if (scope_of_load == nullptr) return 0;
  auto& constants = scope_of_load->constants_;
  if (!constants) constants.emplace(scope_of_load->object_);
  return constants->MakeImmediate(program);
}

HookScope::~HookScope() { scope_of_load = nullptr; }

int HookScope::Find(const bpf_program* program) {
  const std::string hook = HookName(program);
  if (scope_of_load == nullptr) {
    // Another copy of the addon is loading it, which finds the handlers of this one.
    const int found =
        libbpf_find_vmlinux_btf_id(hook.c_str(), bpf_program__expected_attach_type(program));
    return found > 0 ? found : -ESRCH;
  }
  const std::string section = bpf_program__section_name(program);
  const auto found = scope_of_load->hooks_.find(section);
  if (found != scope_of_load->hooks_.end()) return static_cast<int>(found->second);
  // In the words of libbpf_find_attach_btf_id() in libbpf.c.
  LogScope::Add(std::string("libbpf: prog '") + bpf_program__name(program) +
                "': failed to find kernel BTF type ID of '" + hook + "'\n");
  const auto error = scope_of_load->errors_.find(section);
  return error == scope_of_load->errors_.end() ? -ESRCH : error->second;
}

}  // namespace ringtap
