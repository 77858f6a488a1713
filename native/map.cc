#include "map.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <vector>

#include "arguments.h"
#include "error.h"

namespace ringtap {

namespace {

std::span<const uint8_t> SizedBytes(const Napi::CallbackInfo& info, size_t index, const char* name,
                                    size_t size) {
  const auto bytes = BytesArgument(info, index, name);
  if (bytes.size() == size) return bytes;
  throw Napi::RangeError::New(info.Env(), std::string("argument ") + name + " must have " +
                                              std::to_string(size) + " bytes, not " +
                                              std::to_string(bytes.size()));
}

/** Deletes in one call as many of `count` keys as go; returns how many keys it dealt with and adds
 * to `deleted`. */
size_t DeleteSome(int fd, const uint8_t* keys, size_t keySize, size_t count, size_t* deleted,
                  int* error) {
  uint32_t done = static_cast<uint32_t>(count);
  *error = -bpf_map_delete_batch(fd, keys, &done, nullptr);
  if (*error == 0 || *error == ENOENT) {
    // The kernel stops at the first key that does not exist and counts those before it
    // (generic_map_delete_batch).
    *deleted += done;
    const size_t missing = *error == ENOENT ? 1 : 0;
    *error = 0;
    return done + missing;
  }
  // No batch call for this map type: one key, which also tells a real refusal from a missing call.
  *error = -bpf_map_delete_elem(fd, keys);
  if (*error == 0) ++*deleted;
  if (*error == ENOENT) *error = 0;
  return 1;
}

/** The argument `indexes`, all of them below `count`. */
std::span<const uint32_t> IndexesArgument(const Napi::CallbackInfo& info, size_t count) {
  const auto indexes = WordsArgument(info, 0, "indexes");
  for (const uint32_t index : indexes) {
    if (index < count) continue;
    throw Napi::RangeError::New(info.Env(), "argument indexes must be below " +
                                                std::to_string(count) + ", not " +
                                                std::to_string(index));
  }
  return indexes;
}

}  // namespace

Napi::Object MapInfo(Napi::Env env, const bpf_map* map) {
  Napi::Object info = Napi::Object::New(env);
  info.Set("name", bpf_map__name(map));
  info.Set("type", static_cast<uint32_t>(bpf_map__type(map)));
  info.Set("keySize", bpf_map__key_size(map));
  info.Set("valueSize", bpf_map__value_size(map));
  info.Set("maxEntries", bpf_map__max_entries(map));
  return info;
}

Napi::Function Map::Define(Napi::Env env) {
  return DefineClass(
      env, "BpfMap",
      {InstanceAccessor<&Map::Info>("info"), InstanceAccessor<&Map::Keys>("keys"),
       InstanceAccessor<&Map::Values>("values"), InstanceMethod<&Map::ReadAll>("readAll"),
       InstanceMethod<&Map::ReadSome>("readSome"), InstanceMethod<&Map::Gather>("gather"),
       InstanceMethod<&Map::Clear>("clear"), InstanceMethod<&Map::Seal>("seal"),
       InstanceMethod<&Map::Set>("set"), InstanceMethod<&Map::DeleteKeys>("deleteKeys")});
}

Napi::Object Map::Open(Napi::Env env, std::shared_ptr<BpfFile> file, const std::string& name) {
  const std::string doing = "opening map " + Quoted(name) + " of " + file->Label();
  FileDescriptor fd = FileDescriptor::Duplicate(file->LoadedMap(env, name, doing));
  if (!fd) throw NativeError(env, {.doing = doing, .subject = name, .error = errno});
  const bpf_map* map = file->Map(env, name, doing);
  const MapShape shape = MapShape::Of(map);
  if (shape.perCpu && shape.valueSize % sizeof(uint64_t) != 0) {
    throw NativeError(env, {.doing = doing,
                            .subject = name,
                            .cause = "values of a per-CPU map must be multiples of 8 bytes, not " +
                                     std::to_string(shape.valueSize)});
  }
  return Make(env, {std::move(file), name, std::move(fd), shape, map});
}

Map::Map(const Napi::CallbackInfo& info) : Handle(info), reader_(info.Env(), source_.shape) {
  info_ = Napi::Persistent(MapInfo(info.Env(), source_.map));
  info_.Value().Freeze();
  maxEntries_ = bpf_map__max_entries(source_.map);
  source_.file->children.insert(this);
}

Map::~Map() { Shut(); }

Napi::Value Map::Info(const Napi::CallbackInfo&) { return info_.Value(); }

Napi::Value Map::Keys(const Napi::CallbackInfo&) { return reader_.Keys().Buffer(); }

Napi::Value Map::Values(const Napi::CallbackInfo&) { return reader_.Values().Buffer(); }

Napi::Value Map::ReadAll(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string doing = Doing(env, "reading");
  size_t entries = 0;
  const int error = reader_.ReadAll(env, source_.fd.Get(), maxEntries_, &entries);
  if (error != 0) throw NativeError(env, {.doing = doing, .subject = source_.name, .error = error});
  return Napi::Number::New(env, static_cast<double>(entries));
}

Napi::Value Map::ReadSome(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string doing = Doing(env, "reading");
  const uint32_t most = std::min(Uint32Argument(info, 0, "most"), maxEntries_);
  if (most == 0) throw Napi::RangeError::New(env, "argument most must be at least 1, not 0");
  size_t entries = 0;
  const int error = reader_.ReadSome(env, source_.fd.Get(), maxEntries_, most, &entries);
  if (error != 0) throw NativeError(env, {.doing = doing, .subject = source_.name, .error = error});
  return Napi::Number::New(env, static_cast<double>(entries));
}

void Map::Gather(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const ArrayMemory& memory = Memory(env, Doing(env, "reading"));
  reader_.Gather(env, memory, IndexesArgument(info, memory.Count()));
}

void Map::Clear(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  ArrayMemory& memory = Memory(env, Doing(env, "clearing"));
  for (const uint32_t index : IndexesArgument(info, memory.Count())) memory.Clear(index);
}

void Map::Seal(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  ArrayMemory& memory = Memory(env, Doing(env, "sealing"));
  for (const uint32_t index : IndexesArgument(info, memory.Count())) memory.Seal(index);
}

void Map::Set(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string doing = Doing(env, "writing");
  const MapShape& shape = source_.shape;
  const auto key = SizedBytes(info, 0, "key", shape.keySize);
  const auto value = SizedBytes(info, 1, "value", shape.valueSize);
  std::vector<uint8_t> transfer(shape.transferSize);
  for (size_t at = 0; at < transfer.size(); at += shape.perCpu ? shape.Stride() : transfer.size()) {
    std::copy(value.begin(), value.end(), transfer.begin() + static_cast<ptrdiff_t>(at));
  }
  const int error = -bpf_map_update_elem(source_.fd.Get(), key.data(), transfer.data(), BPF_ANY);
  if (error != 0) throw NativeError(env, {.doing = doing, .subject = source_.name, .error = error});
}

Napi::Value Map::DeleteKeys(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string doing = Doing(env, "deleting from");
  const auto keys = BytesArgument(info, 0, "keys");
  const size_t count = Uint32Argument(info, 1, "count");
  const size_t keySize = source_.shape.keySize;
  if (count * keySize > keys.size()) {
    throw Napi::RangeError::New(env, "argument count must be at most " +
                                         std::to_string(keySize == 0 ? 0 : keys.size() / keySize) +
                                         ", as many as there are keys, not " +
                                         std::to_string(count));
  }
  size_t deleted = 0;
  for (size_t at = 0; at < count;) {
    int error = 0;
    at += DeleteSome(source_.fd.Get(), keys.data() + at * keySize, keySize, count - at, &deleted,
                     &error);
    if (error != 0)
      throw NativeError(env, {.doing = doing, .subject = source_.name, .error = error});
  }
  return Napi::Number::New(env, static_cast<double>(deleted));
}

std::string Map::Doing(Napi::Env env, const char* verb) const {
  const std::string doing = std::string(verb) + " map " + Quoted(source_.name);
  if (source_.fd) return doing;
  throw NativeError(env,
                    {.doing = doing, .subject = source_.name, .cause = "its object is closed"});
}

ArrayMemory& Map::Memory(Napi::Env env, const std::string& doing) {
  if (memory_ == nullptr) {
    memory_ = ArrayMemory::Map(source_.fd.Get(), source_.shape.valueSize, maxEntries_);
  }
  if (memory_ != nullptr) return *memory_;
  throw NativeError(env, {.doing = doing, .subject = source_.name, .error = errno});
}

void Map::Shut() {
  if (source_.file == nullptr) return;
  memory_.reset();
  source_.file->children.erase(this);
  source_.fd.Reset();
  source_.file.reset();
}

}  // namespace ringtap
