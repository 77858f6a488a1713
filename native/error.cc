#include "error.h"

#include <bpf/libbpf.h>
#include <string.h>

#include "log.h"

namespace ringtap {

namespace {

/** The kernel's own ENOTSUPP (include/linux/errno.h), which system calls return though the C
 * library does not know it. */
constexpr int kKernelNotSupported = 524;

/** libbpf's own errors (`enum libbpf_errno`) start here; they stand for no system call. */
constexpr int kFirstLibbpfError = 4000;

std::string CodeOf(int error) {
  if (error == kKernelNotSupported) return "ENOTSUPP";
  const char* name = error > 0 ? strerrorname_np(error) : nullptr;
  return name == nullptr ? "ERINGTAP" : name;
}

std::string Explain(int error) {
  if (error == kKernelNotSupported) return "Operation not supported by the kernel (ENOTSUPP)";
  char text[128] = "";
  libbpf_strerror(error, text, sizeof(text));
  return error < kFirstLibbpfError ? std::string(text) + " (" + CodeOf(error) + ")" : text;
}

std::string MessageOf(const Failure& failure) {
  std::string message = failure.doing;
  if (!failure.cause.empty()) message += ": " + failure.cause;
  if (failure.error != 0) message += ": " + Explain(failure.error);
  return message;
}

}  // namespace

Napi::Error NativeError(Napi::Env env, const Failure& failure) {
  Napi::Error error = Napi::Error::New(env, MessageOf(failure));
  error.Set("code", CodeOf(failure.error));
  error.Set("errno", Napi::Number::New(env, failure.error < kFirstLibbpfError ? failure.error : 0));
  error.Set("subject", failure.subject);
  error.Set("log", LogScope::Text());
  return error;
}

std::string Quoted(const std::string& text) { return '"' + text + '"'; }

}  // namespace ringtap
