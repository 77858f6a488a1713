#include "capabilities.h"

#include <bpf/bpf.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <system_error>
#include <thread>

#include "all_threads.h"
#include "arguments.h"
#include "error.h"
#include "log.h"

namespace ringtap {

namespace {

/** A set of capabilities, by the numbers of include/uapi/linux/capability.h, as bits. */
using Capabilities = uint64_t;

/** What ReduceThread() leaves. */
std::atomic<Capabilities> kept{0};
static_assert(std::atomic<Capabilities>::is_always_lock_free);

bool Has(Capabilities set, int capability) { return (set >> capability) & 1; }

/**
 * Leaves this thread at most `set`: effective and permitted; nothing inheritable, hence nothing
 * ambient either. Returns 0 or an errno. Async-signal-safe.
 */
int SetCapabilities(Capabilities set) {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = {};
  if (syscall(SYS_capget, &header, data) != 0) return errno;
  for (auto& half : data) {
    half.permitted &= static_cast<uint32_t>(set);
    half.effective = half.permitted;
    half.inheritable = 0;
    set >>= 32;
  }
  return syscall(SYS_capset, &header, data) == 0 ? 0 : errno;
}

/**
 * Takes from this thread all but the kept capabilities, also from its bounding set, which needs
 * CAP_SETPCAP: without it the set stays, and no_new_privs alone keeps execve from giving anything
 * back. Returns 0 or an errno. Async-signal-safe.
 */
int ReduceThread() {
  const Capabilities set = kept.load();
  for (int capability = 0; prctl(PR_CAPBSET_READ, capability) >= 0; ++capability) {
    if (Has(set, capability) || prctl(PR_CAPBSET_DROP, capability) == 0) continue;
    if (errno != EPERM) return errno;
    break;
  }
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  return SetCapabilities(set);
}

void DropCapabilities(const Napi::CallbackInfo& info) {
  const LogScope log;
  const Napi::Env env = info.Env();
  const std::string doing = "dropping capabilities";
  kept.store(Uint32Argument(info, 0, "low") |
             static_cast<Capabilities>(Uint32Argument(info, 1, "high")) << 32);
  try {
    const ThreadFailure failure = InAllThreads(ReduceThread);
    if (failure.thread == 0) return;
    const std::string thread =
        "thread " + std::to_string(failure.thread) + " " + Quoted(failure.name);
    throw NativeError(env,
                      {.doing = doing, .subject = thread, .error = failure.error, .cause = thread});
  } catch (const std::system_error& error) {
    throw NativeError(env, {.doing = doing,
                            .subject = "/proc/self/task",
                            .error = error.code().value(),
                            .cause = error.what()});
  }
}

/**
 * Whether the kernel refuses a call with a descriptor that is not open because of missing
 * privileges. Before Linux 6.0 it requires CAP_BPF before it reads any argument where the sysctl
 * kernel.unprivileged_bpf_disabled is set; since then, only for calls that create objects
 * (__sys_bpf in kernel/bpf/syscall.c).
 */
bool RefusesCallsOnDescriptors() {
  uint64_t bytes = 0;
  uint32_t count = 1;
  uint32_t length = sizeof(bytes);
  const auto refused = [](int result) { return result < 0 && errno == EPERM; };
  return refused(bpf_map_lookup_elem(-1, &bytes, &bytes)) ||
         refused(bpf_map_update_elem(-1, &bytes, &bytes, BPF_ANY)) ||
         refused(bpf_map_delete_elem(-1, &bytes)) ||
         refused(bpf_map_lookup_batch(-1, nullptr, &bytes, &bytes, &bytes, &count, nullptr)) ||
         refused(bpf_map_delete_batch(-1, &bytes, &count, nullptr)) ||
         refused(bpf_obj_get_info_by_fd(-1, &bytes, &length)) || refused(bpf_iter_create(-1));
}

/** Tries it in a thread that has given everything up and ends. */
Napi::Value BpfNeedsCapability(const Napi::CallbackInfo& info) {
  const LogScope log;
  bool needed = true;
  try {
    std::thread([&needed] {
      if (SetCapabilities(0) == 0) needed = RefusesCallsOnDescriptors();
    }).join();
  } catch (const std::system_error& error) {
    throw NativeError(info.Env(), {.doing = "trying bpf(2) without capabilities",
                                   .subject = "thread",
                                   .error = error.code().value(),
                                   .cause = "starting a thread"});
  }
  return Napi::Boolean::New(info.Env(), needed);
}

}  // namespace

void DefineCapabilities(Napi::Env env, Napi::Object exports) {
  exports.Set("dropCapabilities", Napi::Function::New<DropCapabilities>(env, "dropCapabilities"));
  exports.Set("bpfNeedsCapability",
              Napi::Function::New<BpfNeedsCapability>(env, "bpfNeedsCapability"));
}

}  // namespace ringtap
