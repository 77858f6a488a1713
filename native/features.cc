#include "features.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <cerrno>
#include <memory>

#include "arguments.h"
#include "error.h"
#include "file_descriptor.h"
#include "log.h"

namespace ringtap {

namespace {

/** A probe's answer: 1 yes, 0 no, negative when libbpf does not know how to find out. */
Napi::Value Answer(Napi::Env env, int answer, const std::string& probed) {
  if (answer >= 0) return Napi::Boolean::New(env, answer == 1);
  throw NativeError(env, {.doing = "probing " + probed, .subject = probed, .error = -answer});
}

Napi::Value ProbeMapType(const Napi::CallbackInfo& info) {
  const LogScope log;
  const uint32_t type = Uint32Argument(info, 0, "type");
  return Answer(info.Env(), libbpf_probe_bpf_map_type(static_cast<bpf_map_type>(type), nullptr),
                "map type " + std::to_string(type));
}

Napi::Value ProbeHelper(const Napi::CallbackInfo& info) {
  const LogScope log;
  const uint32_t program = Uint32Argument(info, 0, "programType");
  const uint32_t helper = Uint32Argument(info, 1, "helper");
  return Answer(info.Env(),
                libbpf_probe_bpf_helper(static_cast<bpf_prog_type>(program),
                                        static_cast<bpf_func_id>(helper), nullptr),
                "helper " + std::to_string(helper) + " in program type " + std::to_string(program));
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

void DefineFeatures(Napi::Env env, Napi::Object exports) {
  exports.Set("libbpfVersion", std::to_string(libbpf_major_version()) + "." +
                                   std::to_string(libbpf_minor_version()));
  exports.Set("probeMapType", Napi::Function::New<ProbeMapType>(env, "probeMapType"));
  exports.Set("probeHelper", Napi::Function::New<ProbeHelper>(env, "probeHelper"));
  exports.Set("enableStats", Napi::Function::New<EnableStats>(env, "enableStats"));
  exports.Set("monotonicNow", Napi::Function::New<MonotonicNow>(env, "monotonicNow"));
}

}  // namespace ringtap
