#pragma once

#include <napi.h>

#include <memory>
#include <span>
#include <string>

#include "array_memory.h"
#include "bpf_file.h"
#include "column.h"
#include "file_descriptor.h"
#include "handle.h"
#include "map_reader.h"

namespace ringtap {

struct MapSource {
  std::shared_ptr<BpfFile> file;
  std::string name;
  FileDescriptor fd;
  MapShape shape;
  /** Libbpf's view of the map, which closing the file frees. */
  const bpf_map* map;
};

/** MapInfo of src/binding/native.ts. */
Napi::Object MapInfo(Napi::Env env, const bpf_map* map);

/** A map seen from userspace: BpfMap of src/binding/native.ts. */
class Map final : public Handle<Map, MapSource>, private Child {
 public:
  static constexpr napi_type_tag kTypeTag = {0x5e27c9b1f04a8d36, 0xd81f63a95b7e20c4};
  static constexpr auto kSlot = &Classes::map;

  static Napi::Function Define(Napi::Env env);
  static Napi::Object Open(Napi::Env env, std::shared_ptr<BpfFile> file, const std::string& name);

  explicit Map(const Napi::CallbackInfo& info);
  ~Map() override;

 private:
  Napi::Value Info(const Napi::CallbackInfo& info);
  Napi::Value Keys(const Napi::CallbackInfo& info);
  Napi::Value Values(const Napi::CallbackInfo& info);
  Napi::Value ReadAll(const Napi::CallbackInfo& info);
  Napi::Value ReadSome(const Napi::CallbackInfo& info);
  void Gather(const Napi::CallbackInfo& info);
  void Clear(const Napi::CallbackInfo& info);
  void Seal(const Napi::CallbackInfo& info);
  void Set(const Napi::CallbackInfo& info);
  Napi::Value DeleteKeys(const Napi::CallbackInfo& info);

  /** Throws when closed; else the start of an error's message. */
  std::string Doing(Napi::Env env, const char* verb) const;
  /** The array's memory, mapped when it is first asked for. Throws when the map has none. */
  ArrayMemory& Memory(Napi::Env env, const std::string& doing);
  void Shut() override;

  Napi::ObjectReference info_;
  uint32_t maxEntries_;
  MapReader reader_;
  std::unique_ptr<ArrayMemory> memory_;
};

}  // namespace ringtap
