#include "load.h"

#include <bpf/libbpf.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <iterator>
#include <semaphore>
#include <string_view>
#include <system_error>
#include <thread>

#include "error.h"
#include "hooks.h"
#include "log.h"

namespace ringtap {

namespace {

struct Culprit {
  /** `program` or `map`; empty when libbpf named neither. */
  std::string what;
  std::string name;
};

/** Finds the first line `libbpf: prog 'NAME': … failed …` (or `map`) in libbpf's log. */
Culprit FindCulprit(std::string_view log) {
  while (!log.empty()) {
    const std::string_view line = log.substr(0, log.find('\n'));
    log.remove_prefix(std::min(log.size(), line.size() + 1));
    if (line.find("fail") == line.npos) continue;
    for (const auto& [prefix, what] :
         {std::pair{"libbpf: prog '", "program"}, {"libbpf: map '", "map"}}) {
      if (!line.starts_with(prefix)) continue;
      const std::string_view rest = line.substr(std::string_view(prefix).size());
      return {what, std::string(rest.substr(0, rest.find('\'')))};
    }
  }
  return {};
}

/** What helper functions are called, by their numbers: enum bpf_func_id of linux/bpf.h. */
constexpr const char* kHelpers[] = {
#define NAME_OF(name) "bpf_" #name "()"
    __BPF_FUNC_MAPPER(NAME_OF)
#undef NAME_OF
};

/** What the kernel lacks for a program, by what its verifier has said; or nothing. */
std::string Lack(std::string_view log) {
  // Before Linux 5.13 (69c087ba6225) it does not take a callback for a function: check_btf_func().
  if (log.find("number of funcs in func_info doesn't match number of subprogs") != log.npos) {
    return "callbacks of helper functions (Linux 5.13)";
  }
  // check_helper_call().
  constexpr std::string_view kUnknownHelper = "invalid func unknown#";
  const size_t at = log.find(kUnknownHelper);
  if (at == log.npos) return {};
  const unsigned long number = std::strtoul(log.data() + at + kUnknownHelper.size(), nullptr, 10);
  return "helper function " +
         (number < std::size(kHelpers) ? kHelpers[number] : "number " + std::to_string(number));
}

/**
 * The culprit in words. When a program's hook is not in the kernel's BTF, libbpf searches that of
 * the modules: it answers ESRCH when the hook is not there either, and EPERM when the process lacks
 * CAP_SYS_ADMIN, which the search needs.
 */
std::string Describe(const BpfFile& file, const Culprit& culprit, int error, std::string_view log) {
  const std::string text = culprit.what + " " + Quoted(culprit.name);
  const bpf_program* program =
      bpf_object__find_program_by_name(file.Object(), culprit.name.c_str());
  if (culprit.what != "program" || program == nullptr) return text;
  const std::string hook = bpf_program__section_name(program);
  if (error == ESRCH) return text + ": this kernel has no " + hook;
  if (error == EPERM && log.find("failed to find kernel BTF type ID") != log.npos) {
    return text + ": this kernel has no " + hook +
           ", unless in a module, which takes CAP_SYS_ADMIN to search";
  }
  const std::string lack = error == EINVAL ? Lack(log) : "";
  return lack.empty() ? text : text + ": this kernel has no " + lack;
}

LoadOutcome Load(const BpfFile& file) {
  const LogScope log;
  const HookScope hooks(file.Object(), file.references.hooks);
  LoadOutcome outcome;
  outcome.error = WriteTypes(file.references);
  if (outcome.error == 0) outcome.error = -bpf_object__load(file.Object());
  outcome.log = LogScope::Text();
  return outcome;
}

constexpr unsigned kMostThreads = 64;

/** A load takes processor time only: libbpf's own, and the verifier's. */
std::counting_semaphore<kMostThreads>& FreeProcessors() {
  static std::counting_semaphore<kMostThreads> free(
      std::clamp(std::thread::hardware_concurrency(), 1u, kMostThreads));
  return free;
}

}  // namespace

void BeginLoadFile(Napi::Env env, BpfFile& file) {
  file.Require(env, BpfFile::State::kOpen, "loading " + file.Label());
  try {
    file.loading = std::async(std::launch::async, [&file] {
      FreeProcessors().acquire();
      LoadOutcome outcome = Load(file);
      FreeProcessors().release();
      return outcome;
    });
  } catch (const std::system_error&) {
    // No thread is to be had: LoadFile() loads it in its own.
  }
}

void LoadFile(Napi::Env env, BpfFile& file) {
  LogScope log;
  const std::string doing = "loading " + file.Label();
  LoadOutcome outcome;
  if (file.loading.valid()) {
    outcome = file.loading.get();
  } else {
    file.Require(env, BpfFile::State::kOpen, doing);
    outcome = Load(file);
  }
  file.references = {};
  const auto& [error, text] = outcome;
  if (error == 0) {
    file.state = BpfFile::State::kLoaded;
    return;
  }
  // Libbpf has freed parts of the object and refuses a second try.
  file.state = BpfFile::State::kFailed;
  log.Append(text);
  const Culprit culprit = FindCulprit(text);
  if (culprit.what.empty()) {
    throw NativeError(env, {.doing = doing, .subject = file.Label(), .error = error});
  }
  throw NativeError(env, {.doing = doing,
                          .subject = culprit.name,
                          .error = error,
                          .cause = Describe(file, culprit, error, text)});
}

}  // namespace ringtap
