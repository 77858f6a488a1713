#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "bpf_file.h"
#include "file_descriptor.h"
#include "handle.h"
#include "poll.h"
#include "ring_memory.h"

namespace ringtap {

struct RingSource {
  std::shared_ptr<BpfFile> file;
  std::string name;
  FileDescriptor fd;
  std::shared_ptr<RingMemory> memory;
};

/** A mapped BPF_MAP_TYPE_RINGBUF: BpfRing of src/binding/native.ts. */
class Ring final : public Handle<Ring, RingSource>, private Child {
 public:
  static constexpr napi_type_tag kTypeTag = {0x3b0d5c7f9a1e4f62, 0x9c58e2a7d4b16f03};
  static constexpr auto kSlot = &Classes::ring;

  static Napi::Function Define(Napi::Env env);
  /** Maps the ring called `name`; throws when it is no ring, or mapped already. */
  static Napi::Object Open(Napi::Env env, std::shared_ptr<BpfFile> file, const std::string& name);

  explicit Ring(const Napi::CallbackInfo& info);
  ~Ring() override;

 private:
  Napi::Value Size(const Napi::CallbackInfo& info);
  Napi::Value Data(const Napi::CallbackInfo& info);
  Napi::Value Index(const Napi::CallbackInfo& info);
  Napi::Value Peek(const Napi::CallbackInfo& info);
  void Release(const Napi::CallbackInfo& info);
  Napi::Value Used(const Napi::CallbackInfo& info);
  void Watch(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  void StopWatching();
  void Shut() override;
  void LetGo();
  void RequireOpen(Napi::Env env) const;
  Napi::Error Fail(Napi::Env env, const char* cause) const;

  size_t size_;
  Napi::Reference<Napi::ArrayBuffer> data_;
  Napi::Reference<Napi::Uint32Array> index_;
  PollHandle poll_;
};

}  // namespace ringtap
