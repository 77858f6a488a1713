#include "object.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>

#include "arguments.h"
#include "btf.h"
#include "btf_check.h"
#include "error.h"
#include "file_descriptor.h"
#include "hooks.h"
#include "iterator.h"
#include "load.h"
#include "log.h"
#include "map.h"
#include "object_file.h"
#include "references.h"
#include "ring.h"
#include "uprobe.h"
#include "variables.h"

namespace ringtap {

namespace {

std::string FileName(const std::string& path) { return path.substr(path.find_last_of('/') + 1); }

void ThrowOn(Napi::Env env, int error, const std::string& doing, const std::string& subject) {
  if (error != 0) throw NativeError(env, {.doing = doing, .subject = subject, .error = error});
}

struct FreeBtf {
  void operator()(btf* types) const { btf__free(types); }
};

/** Opens a file whose BTF is sound; messages call it `name`. */
std::shared_ptr<BpfFile> OpenFile(Napi::Env env, const std::string& path, const std::string& name,
                                  bpf_object_open_opts options) {
  // Whatever is opened first reads them, and this one keeps them until it has been loaded.
  const std::shared_ptr<const KernelTypes> kernel = KernelTypes::Get();
  const std::unique_ptr<btf, FreeBtf> types(btf__parse_elf(path.c_str(), nullptr));
  const std::string fault = FaultInBtf(types.get());
  if (!fault.empty()) {
    throw NativeError(env, {.doing = "opening " + name, .subject = name, .cause = fault});
  }
  const std::vector<uint8_t> file = ObjectFileFor(path);
  References references = FindReferences(file, types.get());
  std::string types_path;
  if (references.types && options.btf_custom_path == nullptr) {
    types_path = "/proc/self/fd/" + std::to_string(references.types.Get());
    options.btf_custom_path = types_path.c_str();
  }
  bpf_object* object = nullptr;
  if (file.empty()) {
    object = bpf_object__open_file(path.c_str(), &options);
  } else {
    // As libbpf calls the object of a file.
    const std::string file_name = FileName(path);
    const std::string stem = file_name.substr(0, file_name.find('.'));
    if (options.object_name == nullptr) options.object_name = stem.c_str();
    object = bpf_object__open_mem(file.data(), file.size(), &options);
  }
  if (object == nullptr) {
    throw NativeError(env, {.doing = "opening " + name, .subject = name, .error = errno});
  }
  PrepareUprobes(object);
  return std::make_shared<BpfFile>(FileName(name), std::move(references), object);
}

}  // namespace

Napi::Function Object::Define(Napi::Env env) {
  return DefineClass(env, "BpfObject",
                     {InstanceAccessor<&Object::Programs>("programs"),
                      InstanceAccessor<&Object::Maps>("maps"),
                      InstanceMethod<&Object::Struct>("struct"),
                      InstanceMethod<&Object::Variables>("variables"),
                      InstanceMethod<&Object::Enums>("enums"),
                      InstanceMethod<&Object::SetConstant>("setConstant"),
                      InstanceMethod<&Object::SetVariable>("setVariable"),
                      InstanceMethod<&Object::SetAutoload>("setAutoload"),
                      InstanceMethod<&Object::SetAutocreate>("setAutocreate"),
                      InstanceMethod<&Object::SetMaxEntries>("setMaxEntries"),
                      InstanceMethod<&Object::ReuseMap>("reuseMap"),
                      InstanceMethod<&Object::BeginLoad>("beginLoad"),
                      InstanceMethod<&Object::Load>("load"),
                      InstanceMethod<&Object::Attach>("attach"),
                      InstanceMethod<&Object::Detach>("detach"),
                      InstanceMethod<&Object::AttachUprobes>("attachUprobes"),
                      InstanceMethod<&Object::DetachUprobes>("detachUprobes"),
                      InstanceMethod<&Object::ProgramDescriptor>("programDescriptor"),
                      InstanceMethod<&Object::OpenIterator>("iterator"),
                      InstanceMethod<&Object::OpenRing>("ring"),
                      InstanceMethod<&Object::OpenMap>("map"),
                      InstanceMethod<&Object::Stats>("stats"),
                      InstanceMethod<&Object::Close>("close")});
}

Napi::Value Object::Open(const Napi::CallbackInfo& info) {
  const LogScope log;
  const std::string path = StringArgument(info, 0, "path");
  LIBBPF_OPTS(bpf_object_open_opts, options);
  std::string btf;
  if (HasArgument(info, 1)) {
    btf = StringArgument(info, 1, "btf");
    options.btf_custom_path = btf.c_str();
  }
  return Make(info.Env(), OpenFile(info.Env(), path, path, options));
}

Napi::Value Object::OpenBytes(const Napi::CallbackInfo& info) {
  const LogScope log;
  const std::span<const uint8_t> bytes = BytesArgument(info, 0, "bytes");
  const std::string name = StringArgument(info, 1, "name");
  LIBBPF_OPTS(bpf_object_open_opts, options);
  options.object_name = name.c_str();
  // A file without a name, so that what is checked and opened is read in the same way as any file.
  const FileDescriptor file(memfd_create(name.c_str(), MFD_CLOEXEC));
  for (size_t written = 0; file && written < bytes.size();) {
    const ssize_t count = write(file.Get(), bytes.data() + written, bytes.size() - written);
    if (count < 0) {
      throw NativeError(info.Env(), {.doing = "opening " + name, .subject = name, .error = errno});
    }
    written += count;
  }
  if (!file) {
    throw NativeError(info.Env(), {.doing = "opening " + name, .subject = name, .error = errno});
  }
  const std::string path = "/proc/self/fd/" + std::to_string(file.Get());
  return Make(info.Env(), OpenFile(info.Env(), path, name, options));
}

Napi::Value Object::Programs(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  source_->RequireNotClosed(env, "listing programs");
  Napi::Array list = Napi::Array::New(env);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, source_->Object()) {
    Napi::Object item = Napi::Object::New(env);
    item.Set("name", bpf_program__name(program));
    item.Set("section", bpf_program__section_name(program));
    list.Set(list.Length(), item);
  }
  return list;
}

Napi::Value Object::Maps(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  source_->RequireNotClosed(env, "listing maps");
  Napi::Array list = Napi::Array::New(env);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, source_->Object()) {
    // From libbpf 1.4 on, a map that is not created has the descriptor of a placeholder.
    const bool created = source_->state == BpfFile::State::kLoaded && bpf_map__autocreate(map);
    Napi::Object item = MapInfo(env, map);
    item.Set("descriptor", created ? bpf_map__fd(map) : -1);
    list.Set(list.Length(), item);
  }
  return list;
}

Napi::Value Object::Struct(const Napi::CallbackInfo& info) {
  const std::string name = StringArgument(info, 0, "name");
  return DescribeStruct(info.Env(), Types(info.Env(), "describing a struct"), source_->Label(),
                        name);
}

Napi::Value Object::Variables(const Napi::CallbackInfo& info) {
  const std::string prefix = StringArgument(info, 0, "prefix");
  return ListVariables(info.Env(), Types(info.Env(), "listing variables"), prefix);
}

Napi::Value Object::Enums(const Napi::CallbackInfo& info) {
  return ListEnums(info.Env(), Types(info.Env(), "listing enums"));
}

void Object::SetConstant(const Napi::CallbackInfo& info) {
  const LogScope log;
  const std::string name = StringArgument(info, 0, "name");
  source_->Require(info.Env(), BpfFile::State::kOpen, Doing("setting constant", name));
  ringtap::SetConstant(info.Env(), *source_, name, info[1]);
}

void Object::SetVariable(const Napi::CallbackInfo& info) {
  const std::string name = StringArgument(info, 0, "name");
  source_->Require(info.Env(), BpfFile::State::kLoaded, Doing("setting variable", name));
  ringtap::SetVariable(info.Env(), *source_, name, info[1]);
}

void Object::SetAutoload(const Napi::CallbackInfo& info) {
  const std::string name = StringArgument(info, 0, "program");
  const bool on = BooleanArgument(info, 1, "on");
  const std::string doing = Doing("choosing program", name);
  source_->Require(info.Env(), BpfFile::State::kOpen, doing);
  bpf_program* program = source_->Program(info.Env(), name, doing);
  ThrowOn(info.Env(), -bpf_program__set_autoload(program, on), doing, name);
}

void Object::SetAutocreate(const Napi::CallbackInfo& info) {
  const std::string name = StringArgument(info, 0, "map");
  const bool on = BooleanArgument(info, 1, "on");
  const std::string doing = Doing("choosing map", name);
  source_->Require(info.Env(), BpfFile::State::kOpen, doing);
  bpf_map* map = source_->Map(info.Env(), name, doing);
  ThrowOn(info.Env(), -bpf_map__set_autocreate(map, on), doing, name);
}

void Object::SetMaxEntries(const Napi::CallbackInfo& info) {
  const std::string name = StringArgument(info, 0, "map");
  const uint32_t entries = Uint32Argument(info, 1, "entries");
  const std::string doing = Doing("resizing map", name);
  source_->Require(info.Env(), BpfFile::State::kOpen, doing);
  bpf_map* map = source_->Map(info.Env(), name, doing);
  ThrowOn(info.Env(), -bpf_map__set_max_entries(map, entries), doing, name);
}

void Object::ReuseMap(const Napi::CallbackInfo& info) {
  const LogScope log;
  const std::string name = StringArgument(info, 0, "map");
  const uint32_t descriptor = Uint32Argument(info, 1, "descriptor");
  const std::string doing = Doing("sharing map", name);
  source_->Require(info.Env(), BpfFile::State::kOpen, doing);
  bpf_map* map = source_->Map(info.Env(), name, doing);
  ThrowOn(info.Env(), -bpf_map__reuse_fd(map, static_cast<int>(descriptor)), doing, name);
}

void Object::BeginLoad(const Napi::CallbackInfo& info) { BeginLoadFile(info.Env(), *source_); }

void Object::Load(const Napi::CallbackInfo& info) { LoadFile(info.Env(), *source_); }

void Object::Attach(const Napi::CallbackInfo& info) {
  const LogScope log;
  const Napi::Env env = info.Env();
  const std::string name = StringArgument(info, 0, "program");
  const std::string doing = Doing("attaching program", name);
  source_->LoadedProgram(env, name, doing);
  const bpf_program* program = source_->Program(env, name, doing);
  if (bpf_program__expected_attach_type(program) == BPF_TRACE_ITER) {
    throw NativeError(env, {.doing = doing, .subject = name, .cause = "it is an iterator"});
  }
  if (source_->links.contains(name)) {
    throw NativeError(env, {.doing = doing, .subject = name, .cause = "it is attached already"});
  }
  Link link(HasHook(program) ? bpf_program__attach_trace(program) : bpf_program__attach(program));
  if (link == nullptr) ThrowOn(env, errno, doing, name);
  source_->links.emplace(name, std::move(link));
}

void Object::Detach(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = StringArgument(info, 0, "program");
  const std::string doing = Doing("detaching program", name);
  source_->LoadedProgram(env, name, doing);
  if (source_->links.erase(name) == 0) {
    throw NativeError(env, {.doing = doing, .subject = name, .cause = "it is not attached"});
  }
}

Napi::Value Object::AttachUprobes(const Napi::CallbackInfo& info) {
  const LogScope log;
  const Napi::Env env = info.Env();
  const std::string name = StringArgument(info, 0, "program");
  const UprobePlaces places = {.path = StringArgument(info, 1, "path"),
                               .offsets = WordsArgument(info, 2, "offsets"),
                               .cookies = WordsArgument(info, 3, "cookies"),
                               .at_return = BooleanArgument(info, 4, "atReturn")};
  const std::string doing = Doing("attaching program", name);
  source_->LoadedProgram(env, name, doing);
  if (places.offsets.empty() || places.offsets.size() != places.cookies.size()) {
    throw Napi::RangeError::New(env, "offsets and cookies must be as many, and one at least");
  }
  int error = 0;
  std::unique_ptr<Uprobes> uprobes =
      ringtap::AttachUprobes(source_->Program(env, name, doing), places, error);
  if (uprobes == nullptr) ThrowOn(env, error, doing, name);
  const uint32_t number = ++source_->uprobes_given;
  source_->uprobes.emplace(number, std::move(uprobes));
  return Napi::Number::New(env, number);
}

void Object::DetachUprobes(const Napi::CallbackInfo& info) {
  source_->uprobes.erase(Uint32Argument(info, 0, "number"));
}

Napi::Value Object::ProgramDescriptor(const Napi::CallbackInfo& info) {
  const std::string name = StringArgument(info, 0, "program");
  const std::string doing = Doing("finding program", name);
  return Napi::Number::New(info.Env(), source_->LoadedProgram(info.Env(), name, doing));
}

Napi::Value Object::OpenIterator(const Napi::CallbackInfo& info) {
  const std::string program = StringArgument(info, 0, "program");
  const std::string map = HasArgument(info, 1) ? StringArgument(info, 1, "map") : "";
  return Iterator::Open(info.Env(), source_, program, map);
}

Napi::Value Object::OpenRing(const Napi::CallbackInfo& info) {
  return Ring::Open(info.Env(), source_, StringArgument(info, 0, "map"));
}

Napi::Value Object::OpenMap(const Napi::CallbackInfo& info) {
  return Map::Open(info.Env(), source_, StringArgument(info, 0, "name"));
}

Napi::Value Object::Stats(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const std::string name = StringArgument(info, 0, "program");
  const std::string doing = Doing("reading statistics of program", name);
  bpf_prog_info statistics = {};
  uint32_t size = sizeof(statistics);
  const int fd = source_->LoadedProgram(env, name, doing);
  ThrowOn(env, -bpf_obj_get_info_by_fd(fd, &statistics, &size), doing, name);
  Napi::Object result = Napi::Object::New(env);
  result.Set("runs", static_cast<double>(statistics.run_cnt));
  result.Set("nanoseconds", static_cast<double>(statistics.run_time_ns));
  result.Set("misses", static_cast<double>(statistics.recursion_misses));
  result.Set("verifiedInstructions", static_cast<double>(statistics.verified_insns));
  return result;
}

void Object::Close(const Napi::CallbackInfo&) { source_->Close(); }

std::string Object::Doing(const char* verb, const std::string& name) const {
  return std::string(verb) + " " + Quoted(name) + " of " + source_->Label();
}

const btf* Object::Types(Napi::Env env, const char* doing) const {
  source_->RequireNotClosed(env, doing);
  return bpf_object__btf(source_->Object());
}

}  // namespace ringtap
