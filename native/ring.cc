#include "ring.h"

#include <algorithm>
#include <cerrno>

#include "arguments.h"
#include "error.h"

namespace ringtap {

namespace {

/** Records in one batch at most: 32 KiB of index, and headers that the next cache still holds when
 * their records are read. */
constexpr size_t kBatchRecords = 4096;

/**
 * The data pages as an ArrayBuffer. The mapping lives as long as the buffer's memory does: code
 * that moved it elsewhere
 * (`transfer()`) must not be left with unmapped memory.
 */
Napi::ArrayBuffer ExternalData(Napi::Env env, const std::shared_ptr<RingMemory>& memory) {
  return Napi::ArrayBuffer::New(
      env, memory->Data(), 2 * memory->Size(),
      [](Napi::BasicEnv, void*, std::shared_ptr<RingMemory>* keeper) { delete keeper; },
      new std::shared_ptr<RingMemory>(memory));
}

void Detach(Napi::ArrayBuffer buffer) {
  if (!buffer.IsDetached()) buffer.Detach();
}

}  // namespace

Napi::Function Ring::Define(Napi::Env env) {
  return DefineClass(
      env, "BpfRing",
      {InstanceAccessor<&Ring::Size>("size"), InstanceAccessor<&Ring::Data>("data"),
       InstanceAccessor<&Ring::Index>("index"), InstanceMethod<&Ring::Peek>("peek"),
       InstanceMethod<&Ring::Release>("release"), InstanceMethod<&Ring::Used>("used"),
       InstanceMethod<&Ring::Watch>("watch"), InstanceMethod<&Ring::Close>("close")});
}

Napi::Object Ring::Open(Napi::Env env, std::shared_ptr<BpfFile> file, const std::string& name) {
  const std::string doing = "opening ring " + Quoted(name) + " of " + file->Label();
  const int mapFd = file->LoadedMap(env, name, doing);
  const bpf_map* map = file->Map(env, name, doing);
  const auto fail = [&](int error, const char* cause) {
    return NativeError(env, {.doing = doing, .subject = name, .error = error, .cause = cause});
  };
  if (bpf_map__type(map) != BPF_MAP_TYPE_RINGBUF) throw fail(0, "the map is not a ring buffer");
  if (file->rings.contains(name)) throw fail(0, "the ring is open already");
  FileDescriptor fd = FileDescriptor::Duplicate(mapFd);
  if (!fd) throw fail(errno, "");
  auto memory = RingMemory::Map(mapFd, bpf_map__max_entries(map));
  if (memory == nullptr) throw fail(errno, "mapping its memory");
  return Make(env, {std::move(file), name, std::move(fd), std::move(memory)});
}

Ring::Ring(const Napi::CallbackInfo& info) : Handle(info), size_(source_.memory->Size()) {
  const Napi::Env env = info.Env();
  // A record takes 8 bytes of the ring at least: its header.
  const size_t capacity = std::min(kBatchRecords, size_ / 8);
  data_ = Napi::Persistent(ExternalData(env, source_.memory));
  index_ = Napi::Reference<Napi::Uint32Array>::New(Napi::Uint32Array::New(env, 2 * capacity), 1);
  source_.file->rings.insert(source_.name);
  source_.file->children.insert(this);
}

Ring::~Ring() { LetGo(); }

Napi::Value Ring::Size(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), static_cast<double>(size_));
}

Napi::Value Ring::Data(const Napi::CallbackInfo&) { return data_.Value(); }

Napi::Value Ring::Index(const Napi::CallbackInfo&) { return index_.Value(); }

Napi::Value Ring::Peek(const Napi::CallbackInfo& info) {
  RequireOpen(info.Env());
  Napi::Uint32Array index = index_.Value();
  if (index.ElementLength() == 0) {
    throw Fail(info.Env(), "its index was detached");
  }
  return Napi::Number::New(info.Env(), source_.memory->Peek({index.Data(), index.ElementLength()}));
}

void Ring::Release(const Napi::CallbackInfo& info) {
  RequireOpen(info.Env());
  if (!HasArgument(info, 0)) {
    source_.memory->Release();
    return;
  }
  Napi::Uint32Array index = index_.Value();
  source_.memory->Release({index.Data(), index.ElementLength()},
                          Uint32Argument(info, 0, "records"));
}

Napi::Value Ring::Used(const Napi::CallbackInfo& info) {
  RequireOpen(info.Env());
  return Napi::Number::New(info.Env(), static_cast<double>(source_.memory->Used()));
}

void Ring::Watch(const Napi::CallbackInfo& info) {
  RequireOpen(info.Env());
  if (info[0].IsUndefined()) {
    StopWatching();
    return;
  }
  if (!info[0].IsFunction()) {
    throw Napi::TypeError::New(info.Env(), "argument onReady must be a function or undefined");
  }
  const auto onReady = info[0].As<Napi::Function>();
  if (poll_ != nullptr) {
    RedirectPoll(*poll_, onReady);
  } else {
    poll_ = StartPoll(info.Env(), source_.fd.Get(), onReady);
    // A watched ring is in use, though nothing in JavaScript may refer to it.
    Ref();
  }
}

void Ring::StopWatching() {
  if (poll_ == nullptr) return;
  poll_.reset();
  Unref();
}

void Ring::Close(const Napi::CallbackInfo&) { Shut(); }

void Ring::Shut() {
  if (source_.memory == nullptr) return;
  StopWatching();
  Detach(data_.Value());
  Detach(index_.Value().ArrayBuffer());
  LetGo();
}

/** The part of closing that a finalizer may do too: no JavaScript. */
void Ring::LetGo() {
  if (source_.memory == nullptr) return;
  poll_.reset();
  source_.file->children.erase(this);
  source_.file->rings.erase(source_.name);
  source_.memory.reset();
  source_.fd.Reset();
  source_.file.reset();
}

void Ring::RequireOpen(Napi::Env env) const {
  if (source_.memory != nullptr) return;
  throw Fail(env, "the ring is closed");
}

Napi::Error Ring::Fail(Napi::Env env, const char* cause) const {
  return NativeError(
      env,
      {.doing = "reading ring " + Quoted(source_.name), .subject = source_.name, .cause = cause});
}

}  // namespace ringtap
