#include "features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <memory>
#include <optional>
#include <string_view>

#include "arguments.h"
#include "error.h"
#include "file_descriptor.h"
#include "kernel_types.h"
#include "log.h"
#include "object_file.h"
#include "uprobe.h"

namespace ringtap {

namespace {

Napi::Error ProbeFailure(Napi::Env env, int error, const std::string& probed) {
  return NativeError(env, {.doing = "probing " + probed, .subject = probed, .error = error});
}

Napi::Value ProbeMapType(const Napi::CallbackInfo& info) {
  const LogScope log;
  const uint32_t type = Uint32Argument(info, 0, "type");
  const int answer = libbpf_probe_bpf_map_type(static_cast<bpf_map_type>(type), nullptr);
  // Libbpf does not know how to make a map of this type.
  if (answer < 0) throw ProbeFailure(info.Env(), -answer, "map type " + std::to_string(type));
  return Napi::Boolean::New(info.Env(), answer == 1);
}

/** How check_helper_call (kernel/bpf/verifier.c) refuses a helper that it does not know, or not for
 * this program type. */
constexpr std::string_view kHelperRefusals[] = {"invalid func ", "unknown func ",
                                                "program of this type cannot use helper "};

/** Programs of these types do not load without a hook to attach to, so their helpers cannot be
 * probed. */
bool NeedsHook(bpf_prog_type type) {
  return type == BPF_PROG_TYPE_TRACING || type == BPF_PROG_TYPE_EXT || type == BPF_PROG_TYPE_LSM ||
         type == BPF_PROG_TYPE_STRUCT_OPS;
}

Napi::Value ProbeHelper(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto program = static_cast<bpf_prog_type>(Uint32Argument(info, 0, "programType"));
  const uint32_t helper = Uint32Argument(info, 1, "helper");
  const std::string probed =
      "helper " + std::to_string(helper) + " in program type " + std::to_string(program);
  if (NeedsHook(program)) throw ProbeFailure(env, EOPNOTSUPP, probed);
  const std::optional<bool> answer = HasHelper(program, helper);
  if (!answer) throw ProbeFailure(env, errno, probed);
  return Napi::Boolean::New(env, *answer);
}

void BeginReadingTypes(const Napi::CallbackInfo&) { KernelTypes::BeginRead(); }

Napi::Value CanCast(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), CastFunction() != 0);
}

Napi::Value UprobeMulti(const Napi::CallbackInfo& info) {
  const LogScope log;
  return Napi::Boolean::New(info.Env(), HasUprobeMulti());
}

/** A program that names no hook gets no further than a policy; without one it is invalid (EINVAL).
 */
Napi::Value ForbidsAttachType(const Napi::CallbackInfo& info) {
  const auto program = static_cast<bpf_prog_type>(Uint32Argument(info, 0, "programType"));
  const auto attach = static_cast<bpf_attach_type>(Uint32Argument(info, 1, "attachType"));
  bpf_insn nothing[2] = {};
  nothing[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  nothing[1].code = BPF_JMP | BPF_EXIT;
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = attach);
  const FileDescriptor loaded(
      bpf_prog_load(program, nullptr, "GPL", nothing, std::size(nothing), &options));
  return Napi::Boolean::New(info.Env(), !loaded && errno == EPERM);
}

/** The kernel keeps statistics as long as the descriptor is open: until the returned function is
 * called or collected. */
Napi::Value EnableStats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  auto fd = std::make_shared<FileDescriptor>(bpf_enable_stats(BPF_STATS_RUN_TIME));
  if (!*fd) {
    throw NativeError(
        env,
        {.doing = "enabling program statistics", .subject = "BPF_ENABLE_STATS", .error = errno});
  }
  return Napi::Function::New(env, [fd](const Napi::CallbackInfo&) { fd->Reset(); });
}

Napi::Value MonotonicNow(const Napi::CallbackInfo& info) {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return Napi::BigInt::New(info.Env(), int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec);
}

}  // namespace

std::optional<bool> HasHelper(bpf_prog_type program, uint32_t helper) {
  bpf_insn call[2] = {};
  call[0].code = BPF_JMP | BPF_CALL;
  call[0].imm = static_cast<int32_t>(helper);
  call[1].code = BPF_JMP | BPF_EXIT;
  char log[4096] = "";
  LIBBPF_OPTS(bpf_prog_load_opts, options, .log_level = 1, .log_size = sizeof(log), .log_buf = log);
  const FileDescriptor loaded(
      bpf_prog_load(program, nullptr, "GPL", call, std::size(call), &options));
  // Without a word from the verifier it was not reached: no permission, or no such program type.
  if (!loaded && log[0] == '\0') return std::nullopt;
  const std::string_view verdict = log;
  return std::none_of(
      std::begin(kHelperRefusals), std::end(kHelperRefusals),
      [&](std::string_view refusal) { return verdict.find(refusal) != verdict.npos; });
}

void DefineFeatures(Napi::Env env, Napi::Object exports) {
  exports.Set("libbpfVersion", std::to_string(libbpf_major_version()) + "." +
                                   std::to_string(libbpf_minor_version()));
  exports.Set("probeMapType", Napi::Function::New<ProbeMapType>(env, "probeMapType"));
  exports.Set("probeHelper", Napi::Function::New<ProbeHelper>(env, "probeHelper"));
  exports.Set("beginReadingTypes",
              Napi::Function::New<BeginReadingTypes>(env, "beginReadingTypes"));
  exports.Set("canCast", Napi::Function::New<CanCast>(env, "canCast"));
  exports.Set("hasUprobeMulti", Napi::Function::New<UprobeMulti>(env, "hasUprobeMulti"));
  exports.Set("forbidsAttachType",
              Napi::Function::New<ForbidsAttachType>(env, "forbidsAttachType"));
  exports.Set("enableStats", Napi::Function::New<EnableStats>(env, "enableStats"));
  exports.Set("monotonicNow", Napi::Function::New<MonotonicNow>(env, "monotonicNow"));
}

}  // namespace ringtap
