#pragma once

#include <napi.h>

#include <memory>

#include "bpf_file.h"
#include "handle.h"

namespace ringtap {

/** A BPF object file: BpfObject of src/binding/native.ts. */
class Object final : public Handle<Object, std::shared_ptr<BpfFile>> {
 public:
  static constexpr napi_type_tag kTypeTag = {0xc4a81e6f27d3905b, 0x6b3fd18e40a95c72};
  static constexpr auto kSlot = &Classes::object;

  static Napi::Function Define(Napi::Env env);
  /** Opens a file: `open(path, btf?)`. */
  static Napi::Value Open(const Napi::CallbackInfo& info);
  /** Opens an object that lies in memory: `openBytes(bytes, name)`. */
  static Napi::Value OpenBytes(const Napi::CallbackInfo& info);

  explicit Object(const Napi::CallbackInfo& info) : Handle(info) {}

 private:
  Napi::Value Programs(const Napi::CallbackInfo& info);
  Napi::Value Maps(const Napi::CallbackInfo& info);
  Napi::Value Struct(const Napi::CallbackInfo& info);
  Napi::Value Variables(const Napi::CallbackInfo& info);
  Napi::Value Enums(const Napi::CallbackInfo& info);
  void SetConstant(const Napi::CallbackInfo& info);
  void SetVariable(const Napi::CallbackInfo& info);
  void SetAutoload(const Napi::CallbackInfo& info);
  void SetAutocreate(const Napi::CallbackInfo& info);
  void SetMaxEntries(const Napi::CallbackInfo& info);
  void ReuseMap(const Napi::CallbackInfo& info);
  void BeginLoad(const Napi::CallbackInfo& info);
  void Load(const Napi::CallbackInfo& info);
  void Attach(const Napi::CallbackInfo& info);
  void Detach(const Napi::CallbackInfo& info);
  Napi::Value AttachUprobes(const Napi::CallbackInfo& info);
  void DetachUprobes(const Napi::CallbackInfo& info);
  Napi::Value ProgramDescriptor(const Napi::CallbackInfo& info);
  Napi::Value OpenIterator(const Napi::CallbackInfo& info);
  Napi::Value OpenRing(const Napi::CallbackInfo& info);
  Napi::Value OpenMap(const Napi::CallbackInfo& info);
  Napi::Value Stats(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  /** `verb` and a quoted name, as an error's message starts. */
  std::string Doing(const char* verb, const std::string& name) const;
  /** The object's BTF; throws when closed. */
  const btf* Types(Napi::Env env, const char* doing) const;
};

}  // namespace ringtap
