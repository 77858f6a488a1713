#pragma once

#include <napi.h>

#include <cstddef>
#include <cstdint>

namespace ringtap {

/** A growing ArrayBuffer that native code fills and JavaScript reads. The memory is JavaScript's
 * own. */
class Column {
 public:
  /** An empty buffer to begin with. */
  explicit Column(Napi::Env env);

  /** The current buffer; another one after it has grown. */
  Napi::ArrayBuffer Buffer() const { return buffer_.Value(); }

  /** Makes room for `bytes`, at least doubling and keeping the first `used` bytes. Returns where
   * they are now. */
  uint8_t* Reserve(Napi::Env env, size_t bytes, size_t used);

 private:
  Napi::Reference<Napi::ArrayBuffer> buffer_;
};

}  // namespace ringtap
