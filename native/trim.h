#pragma once

#include <napi.h>

namespace ringtap {

/** Adds `keepLittleFree()` and `trimMemory()`. */
void DefineTrim(Napi::Env env, Napi::Object exports);

}  // namespace ringtap
