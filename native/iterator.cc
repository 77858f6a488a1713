#include "iterator.h"

#include <bpf/bpf.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "arguments.h"
#include "error.h"
#include "log.h"

namespace ringtap {

namespace {

/** The kernel hands over 8 pages at most in one read (bpf_seq_read in kernel/bpf/bpf_iter.c); a
 * multiple saves calls. */
constexpr size_t kBufferBytes = 256 * 1024;

/** Calls of read(2) at a stretch: enough to fill the buffer, and a bound for programs that write
 * little and end each of them early (piece_ends() of bpf/include/ringtap/iter.h). */
constexpr int kReads = 16;

/** In place of a number of bytes. */
constexpr double kOver = -1;

}  // namespace

Napi::Function Iterator::Define(Napi::Env env) {
  return DefineClass(
      env, "BpfIterator",
      {InstanceAccessor<&Iterator::GetBuffer>("buffer"), InstanceMethod<&Iterator::Read>("read"),
       InstanceMethod<&Iterator::Rewind>("rewind"), InstanceMethod<&Iterator::Close>("close")});
}

Napi::Object Iterator::Open(Napi::Env env, std::shared_ptr<BpfFile> file,
                            const std::string& program, const std::string& map) {
  const LogScope log;
  const std::string doing = "attaching iterator " + Quoted(program) + " of " + file->Label();
  file->LoadedProgram(env, program, doing);
  bpf_iter_link_info target = {};
  LIBBPF_OPTS(bpf_iter_attach_opts, options);
  if (!map.empty()) {
    target.map.map_fd = static_cast<uint32_t>(file->LoadedMap(env, map, doing));
    options.link_info = &target;
    options.link_info_len = sizeof(target);
  }
  Link link(bpf_program__attach_iter(file->Program(env, program, doing), &options));
  if (link == nullptr) {
    throw NativeError(env, {.doing = doing, .subject = program, .error = errno});
  }
  return Make(env, {std::move(file), program, std::move(link)});
}

Iterator::Iterator(const Napi::CallbackInfo& info) : Handle(info) {
  buffer_ = Napi::Persistent(Napi::ArrayBuffer::New(info.Env(), kBufferBytes));
  source_.file->children.insert(this);
}

Iterator::~Iterator() { LetGo(); }

Napi::Value Iterator::GetBuffer(const Napi::CallbackInfo&) { return buffer_.Value(); }

Napi::Value Iterator::Read(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  RequireOpen(env);
  const uint32_t record = Uint32Argument(info, 0, "recordSize");
  Napi::ArrayBuffer buffer = buffer_.Value();
  const size_t size = buffer.ByteLength();
  if (record == 0 || record > size) {
    throw Napi::RangeError::New(env, "argument recordSize must be from 1 to " +
                                         std::to_string(size) + ", not " + std::to_string(record));
  }
  const uint32_t fit = static_cast<uint32_t>(size / record);
  const uint32_t most =
      info.Length() < 2 ? fit : std::min(fit, std::max(1u, Uint32Argument(info, 1, "records")));
  if (ended_) {
    ended_ = false;
    return Napi::Number::New(env, kOver);
  }
  if (!walk_) {
    walk_ = FileDescriptor(bpf_iter_create(bpf_link__fd(source_.link.get())));
    if (!walk_) throw Fail(env, errno, "");
  }
  const size_t filled = Fill(env, static_cast<uint8_t*>(buffer.Data()), size_t{most} * record);
  if (filled % record != 0) {
    throw Fail(env, 0,
               std::to_string(filled) + " bytes are no whole number of records of " +
                   std::to_string(record) + " bytes");
  }
  if (!walk_ && filled == 0) return Napi::Number::New(env, kOver);
  ended_ = !walk_;
  return Napi::Number::New(env, static_cast<double>(filled));
}

size_t Iterator::Fill(Napi::Env env, uint8_t* bytes, size_t capacity) {
  size_t filled = 0;
  for (int reads = 0; reads < kReads && filled < capacity; reads++) {
    const ssize_t got = read(walk_.Get(), bytes + filled, capacity - filled);
    if (got > 0) {
      filled += static_cast<size_t>(got);
    } else if (got == 0) {
      walk_.Reset();
      break;
    } else if (errno == EAGAIN) {
      // Nothing written, and the program has returned 1, or a million objects were walked
      // (MAX_ITER_OBJECTS in kernel/bpf/bpf_iter.c).
      break;
    } else if (errno != EINTR) {
      const int error = errno;
      walk_.Reset();
      throw Fail(env, error, "");
    }
  }
  return filled;
}

void Iterator::Rewind(const Napi::CallbackInfo& info) {
  RequireOpen(info.Env());
  walk_.Reset();
  ended_ = false;
}

void Iterator::Close(const Napi::CallbackInfo&) { Shut(); }

void Iterator::Shut() {
  if (source_.link == nullptr) return;
  Napi::ArrayBuffer buffer = buffer_.Value();
  if (!buffer.IsDetached()) buffer.Detach();
  LetGo();
}

/** The part of closing that a finalizer may do too: no JavaScript. */
void Iterator::LetGo() {
  if (source_.link == nullptr) return;
  walk_.Reset();
  source_.link.reset();
  source_.file->children.erase(this);
  source_.file.reset();
}

void Iterator::RequireOpen(Napi::Env env) const {
  if (source_.link == nullptr) throw Fail(env, 0, "the iterator is closed");
}

Napi::Error Iterator::Fail(Napi::Env env, int error, const std::string& cause) const {
  return NativeError(env, {.doing = "reading iterator " + Quoted(source_.name),
                           .subject = source_.name,
                           .error = error,
                           .cause = cause});
}

}  // namespace ringtap
