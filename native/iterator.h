#pragma once

#include <napi.h>

#include <memory>
#include <string>

#include "bpf_file.h"
#include "file_descriptor.h"
#include "handle.h"

namespace ringtap {

struct IteratorSource {
  std::shared_ptr<BpfFile> file;
  std::string name;
  Link link;
};

/** An attached iterator program: BpfIterator of src/binding/native.ts. */
class Iterator final : public Handle<Iterator, IteratorSource>, private Child {
 public:
  static constexpr napi_type_tag kTypeTag = {0x71f6a0c2e85d4b39, 0xa2d90b4c6e17f85d};
  static constexpr auto kSlot = &Classes::iterator;

  static Napi::Function Define(Napi::Env env);
  /** Attaches the iterator program; `map` names the map it walks, empty for none. */
  static Napi::Object Open(Napi::Env env, std::shared_ptr<BpfFile> file, const std::string& program,
                           const std::string& map);

  explicit Iterator(const Napi::CallbackInfo& info);
  ~Iterator() override;

 private:
  Napi::Value GetBuffer(const Napi::CallbackInfo& info);
  Napi::Value Read(const Napi::CallbackInfo& info);
  void Rewind(const Napi::CallbackInfo& info);
  void Close(const Napi::CallbackInfo& info);

  /** Reads until `capacity` bytes are there, the walk has ended, or a piece of it has. */
  size_t Fill(Napi::Env env, uint8_t* bytes, size_t capacity);
  void Shut() override;
  void LetGo();
  void RequireOpen(Napi::Env env) const;
  Napi::Error Fail(Napi::Env env, int error, const std::string& cause) const;

  Napi::Reference<Napi::ArrayBuffer> buffer_;
  /** The walk in progress. */
  FileDescriptor walk_;
  /** The walk has ended, and the caller will learn it from the next read. */
  bool ended_ = false;
};

}  // namespace ringtap
