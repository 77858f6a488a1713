#include "arguments.h"

#include <cmath>
#include <limits>

namespace ringtap {

namespace {

Napi::TypeError WrongType(Napi::Env env, const char* name, const char* expected) {
  return Napi::TypeError::New(env, std::string("argument ") + name + " must be " + expected);
}

}  // namespace

std::string StringArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsString()) throw WrongType(info.Env(), name, "a string");
  std::string text = info[index].As<Napi::String>().Utf8Value();
  if (text.find('\0') != std::string::npos) {
    throw WrongType(info.Env(), name, "a string without NUL characters");
  }
  return text;
}

bool BooleanArgument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsBoolean()) throw WrongType(info.Env(), name, "a boolean");
  return info[index].As<Napi::Boolean>();
}

uint32_t Uint32Argument(const Napi::CallbackInfo& info, size_t index, const char* name) {
  if (!info[index].IsNumber()) throw WrongType(info.Env(), name, "a number");
  const double value = info[index].As<Napi::Number>().DoubleValue();
  if (std::trunc(value) != value || value < 0 || value > std::numeric_limits<uint32_t>::max()) {
    throw Napi::RangeError::New(info.Env(), std::string("argument ") + name +
                                                " must be an integer from 0 to 4294967295, not " +
                                                info[index].ToString().Utf8Value());
  }
  return static_cast<uint32_t>(value);
}

std::span<const uint8_t> BytesArgument(const Napi::CallbackInfo& info, size_t index,
                                       const char* name) {
  if (!info[index].IsTypedArray() ||
      info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint8_array) {
    throw WrongType(info.Env(), name, "a Uint8Array");
  }
  const auto bytes = info[index].As<Napi::Uint8Array>();
  return {bytes.Data(), bytes.ByteLength()};
}

std::span<const uint32_t> WordsArgument(const Napi::CallbackInfo& info, size_t index,
                                        const char* name) {
  if (!info[index].IsTypedArray() ||
      info[index].As<Napi::TypedArray>().TypedArrayType() != napi_uint32_array) {
    throw WrongType(info.Env(), name, "a Uint32Array");
  }
  const auto words = info[index].As<Napi::Uint32Array>();
  return {words.Data(), words.ElementLength()};
}

bool HasArgument(const Napi::CallbackInfo& info, size_t index) {
  return !info[index].IsUndefined();
}

}  // namespace ringtap
