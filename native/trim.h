#pragma once

#include <napi.h>

namespace ringtap {

/** Adds `trimMemory()`. */
void DefineTrim(Napi::Env env, Napi::Object exports);

}  // namespace ringtap
