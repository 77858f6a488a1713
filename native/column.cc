#include "column.h"

#include <algorithm>

namespace ringtap {

Column::Column(Napi::Env env) : buffer_(Napi::Persistent(Napi::ArrayBuffer::New(env, 0))) {}

uint8_t* Column::Reserve(Napi::Env env, size_t bytes, size_t used) {
  Napi::ArrayBuffer old = buffer_.Value();
  // A buffer that JavaScript has detached has length 0, so it is replaced.
  if (old.ByteLength() >= bytes) return static_cast<uint8_t*>(old.Data());
  Napi::ArrayBuffer grown = Napi::ArrayBuffer::New(env, std::max(bytes, 2 * old.ByteLength()));
  auto* bytesNow = static_cast<uint8_t*>(grown.Data());
  std::copy_n(static_cast<const uint8_t*>(old.Data()), std::min(used, old.ByteLength()), bytesNow);
  buffer_ = Napi::Persistent(grown);
  return bytesNow;
}

}  // namespace ringtap
