#pragma once

#include <napi.h>

#include <cstdint>
#include <span>
#include <string>

namespace ringtap {

/**
 * These read argument number `index` of a call and throw a TypeError that names it as `name` when
 * it is of another type, a RangeError when it is a number out of range.
 */
std::string StringArgument(const Napi::CallbackInfo& info, size_t index, const char* name);
bool BooleanArgument(const Napi::CallbackInfo& info, size_t index, const char* name);
uint32_t Uint32Argument(const Napi::CallbackInfo& info, size_t index, const char* name);

/** The bytes of a Uint8Array (a Buffer is one): JavaScript's memory, valid until JavaScript runs
 * again. */
std::span<const uint8_t> BytesArgument(const Napi::CallbackInfo& info, size_t index,
                                       const char* name);

/** The numbers of a Uint32Array: likewise. */
std::span<const uint32_t> WordsArgument(const Napi::CallbackInfo& info, size_t index,
                                        const char* name);

/** Was the optional argument number `index` given? */
bool HasArgument(const Napi::CallbackInfo& info, size_t index);

}  // namespace ringtap
