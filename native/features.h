#pragma once

#include <napi.h>

namespace ringtap {

/** Adds what needs no object: the version, the probes, the statistics switch, the clock. */
void DefineFeatures(Napi::Env env, Napi::Object exports);

}  // namespace ringtap
