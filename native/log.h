#pragma once

#include <cstdarg>
#include <string>

namespace ringtap {

/**
 * Collects what libbpf (and through it the verifier) prints on this thread while the scope lives.
 * libbpf has one print function for the whole process; ours hands each line to the scope of the
 * thread that printed it, and drops it where there is none.
 */
class LogScope {
 public:
  LogScope();
  ~LogScope();
  LogScope(const LogScope&) = delete;
  LogScope& operator=(const LogScope&) = delete;

  /** The text collected by this thread's innermost scope; empty without one. */
  static const std::string& Text();

  /** Adds to that text; nothing without a scope. */
  static void Add(const std::string& text);

  /** Adds formatted text, as vprintf takes it. */
  void Append(const char* format, va_list arguments);
  /** Adds what another thread's scope has collected. */
  void Append(const std::string& text) { text_ += text; }

 private:
  std::string text_;
  LogScope* outer_;
};

/** Makes libbpf silent outside of scopes too. Called when the addon loads. */
void CaptureLibbpfLog();

}  // namespace ringtap
