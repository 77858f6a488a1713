#pragma once

#include <napi.h>

#include <utility>

namespace ringtap {

/** The addon's classes in one environment (thread): its instance data. */
struct Classes {
  Napi::FunctionReference object;
  Napi::FunctionReference ring;
  Napi::FunctionReference iterator;
  Napi::FunctionReference map;
};

/**
 * Base of the addon's JavaScript classes. An instance is made from a `Source` by `Make` alone:
 * `new` from JavaScript throws. `T` supplies `kTypeTag`, a random number of its own, and `kSlot`,
 * its place in `Classes`.
 */
template <typename T, typename Source>
class Handle : public Napi::ObjectWrap<T> {
 public:
  static Napi::Object Make(Napi::Env env, Source source) {
    pending_ = &source;
    return (env.GetInstanceData<Classes>()->*T::kSlot).New({});
  }

  /** Hides ObjectWrap's: called before every method and accessor, so that a foreign `this` throws.
   */
  static T* Unwrap(Napi::Object self) {
    if (!self.IsObject() || !self.CheckTypeTag(&T::kTypeTag)) {
      throw Napi::TypeError::New(self.Env(),
                                 "Illegal invocation: this is an object of another class");
    }
    return Napi::ObjectWrap<T>::Unwrap(self);
  }

 protected:
  explicit Handle(const Napi::CallbackInfo& info) : Napi::ObjectWrap<T>(info) {
    if (pending_ == nullptr) throw Napi::TypeError::New(info.Env(), "Illegal constructor");
    source_ = std::move(*std::exchange(pending_, nullptr));
    info.This().As<Napi::Object>().TypeTag(&T::kTypeTag);
  }

  Source source_;

 private:
  /** What the constructor about to run takes; a JavaScript call of the constructor finds nothing
   * here. */
  inline static thread_local Source* pending_ = nullptr;
};

}  // namespace ringtap
