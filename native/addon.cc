/** The entry point: a generic libbpf binding. What it exports is declared in src/binding/native.ts.
 */
#include <napi.h>

#include "capabilities.h"
#include "features.h"
#include "handle.h"
#include "hooks.h"
#include "iterator.h"
#include "log.h"
#include "map.h"
#include "object.h"
#include "ring.h"
#include "trim.h"

namespace {

Napi::Object Init(Napi::Env env, Napi::Object exports) {
  ringtap::CaptureLibbpfLog();
  ringtap::RegisterHooks();
  auto* classes = new ringtap::Classes{
      Napi::Persistent(ringtap::Object::Define(env)),
      Napi::Persistent(ringtap::Ring::Define(env)),
      Napi::Persistent(ringtap::Iterator::Define(env)),
      Napi::Persistent(ringtap::Map::Define(env)),
  };
  env.SetInstanceData(classes);
  exports.Set("open", Napi::Function::New<ringtap::Object::Open>(env, "open"));
  exports.Set("openBytes", Napi::Function::New<ringtap::Object::OpenBytes>(env, "openBytes"));
  ringtap::DefineFeatures(env, exports);
  ringtap::DefineCapabilities(env, exports);
  ringtap::DefineTrim(env, exports);
  return exports;
}

}  // namespace

NODE_API_MODULE(NODE_GYP_MODULE_NAME, Init)
