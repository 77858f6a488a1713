#include "bpf_file.h"

#include "error.h"

namespace ringtap {

namespace {

const char* Describe(BpfFile::State state) {
  switch (state) {
    case BpfFile::State::kOpen:
      return "is not loaded";
    case BpfFile::State::kLoaded:
      return "is loaded already";
    case BpfFile::State::kFailed:
      return "failed to load; open it again";
    case BpfFile::State::kClosed:
      return "is closed";
  }
  return "";
}

template <typename Item, typename Next, typename Name>
std::string ListNames(Next next, Name name) {
  std::string list;
  for (Item* item = next(nullptr); item != nullptr; item = next(item)) {
    if (!list.empty()) list += ", ";
    list += name(item);
  }
  return list;
}

}  // namespace

void BpfFile::Close() {
  if (state == State::kClosed) return;
  state = State::kClosed;
  if (loading.valid()) loading.get();
  while (!children.empty()) {
    Child* child = *children.begin();
    children.erase(children.begin());
    child->Shut();
  }
  links.clear();
  uprobes.clear();
  object_.reset();
}

bpf_program* BpfFile::Program(Napi::Env env, const std::string& name,
                              const std::string& doing) const {
  bpf_program* program = bpf_object__find_program_by_name(Object(), name.c_str());
  if (program != nullptr) return program;
  const std::string known = ListNames<bpf_program>(
      [this](bpf_program* last) { return bpf_object__next_program(Object(), last); },
      bpf_program__name);
  throw NativeError(env,
                    {.doing = doing,
                     .subject = name,
                     .cause = "no program " + Quoted(name) + " in " + label_ + ", only " + known});
}

bpf_map* BpfFile::Map(Napi::Env env, const std::string& name, const std::string& doing) const {
  bpf_map* map = bpf_object__find_map_by_name(Object(), name.c_str());
  if (map != nullptr) return map;
  const std::string known = ListNames<bpf_map>(
      [this](bpf_map* last) { return bpf_object__next_map(Object(), last); }, bpf_map__name);
  throw NativeError(env, {.doing = doing,
                          .subject = name,
                          .cause = "no map " + Quoted(name) + " in " + label_ + ", only " + known});
}

int BpfFile::LoadedProgram(Napi::Env env, const std::string& name, const std::string& doing) const {
  Require(env, State::kLoaded, doing);
  const int fd = bpf_program__fd(Program(env, name, doing));
  if (fd >= 0) return fd;
  throw NativeError(env, {.doing = doing,
                          .subject = name,
                          .cause = "program " + Quoted(name) + " was left out of the load"});
}

int BpfFile::LoadedMap(Napi::Env env, const std::string& name, const std::string& doing) const {
  Require(env, State::kLoaded, doing);
  const bpf_map* map = Map(env, name, doing);
  // From libbpf 1.4 on, a map left out has the descriptor of a placeholder.
  if (bpf_map__autocreate(map)) return bpf_map__fd(map);
  throw NativeError(env, {.doing = doing,
                          .subject = name,
                          .cause = "map " + Quoted(name) + " was left out of the load"});
}

void BpfFile::Require(Napi::Env env, State wanted, const std::string& doing) const {
  if (state == wanted && !loading.valid()) return;
  const char* description = loading.valid() ? "is being loaded" : Describe(state);
  throw NativeError(
      env, {.doing = doing, .subject = label_, .cause = "object " + label_ + " " + description});
}

void BpfFile::RequireNotClosed(Napi::Env env, const std::string& doing) const {
  if (loading.valid()) loading.wait();
  if (state == State::kClosed) Require(env, State::kOpen, doing);
}

}  // namespace ringtap
