#pragma once

#include <napi.h>

namespace ringtap {

/** Adds what gives privileges up. */
void DefineCapabilities(Napi::Env env, Napi::Object exports);

}  // namespace ringtap
