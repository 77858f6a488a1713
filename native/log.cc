#include "log.h"

#include <bpf/libbpf.h>

#include <cstdarg>
#include <cstdio>

namespace ringtap {

namespace {

thread_local LogScope* innermost = nullptr;

int Print(libbpf_print_level level, const char* format, va_list arguments) {
  if (level != LIBBPF_DEBUG && innermost != nullptr) innermost->Append(format, arguments);
  return 0;
}

}  // namespace

LogScope::LogScope() : outer_(innermost) {
  innermost = this;
  // A second copy of the addon, loaded from another path, may have put its own function there
  // since.
  CaptureLibbpfLog();
}

LogScope::~LogScope() { innermost = outer_; }

const std::string& LogScope::Text() {
  static const std::string silence;
  return innermost == nullptr ? silence : innermost->text_;
}

void LogScope::Add(const std::string& text) {
  if (innermost != nullptr) innermost->text_ += text;
}

void LogScope::Append(const char* format, va_list arguments) {
  va_list measured;
  va_copy(measured, arguments);
  const int length = std::vsnprintf(nullptr, 0, format, measured);
  va_end(measured);
  if (length <= 0) return;
  const size_t before = text_.size();
  text_.resize(before + length + 1);
  std::vsnprintf(text_.data() + before, length + 1, format, arguments);
  text_.resize(before + length);
}

void CaptureLibbpfLog() { libbpf_set_print(Print); }

}  // namespace ringtap
