#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <future>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "file_descriptor.h"
#include "references.h"

namespace ringtap {

struct DestroyLink {
  void operator()(bpf_link* link) const { bpf_link__destroy(link); }
};
using Link = std::unique_ptr<bpf_link, DestroyLink>;

struct CloseObject {
  void operator()(bpf_object* object) const { bpf_object__close(object); }
};

/** A program on functions of a file: one link for all of them, or one for each. */
struct Uprobes {
  FileDescriptor multi;
  std::vector<Link> each;
};

/** A ring, iterator or map, which its object closes before itself. */
class Child {
 public:
  /** Gives up everything the child holds; its methods throw from then on. Idempotent. */
  virtual void Shut() = 0;

 protected:
  ~Child() = default;
};

/** How loading ended. */
struct LoadOutcome {
  /** A positive errno; 0 when all is loaded. */
  int error = 0;
  /** What libbpf and the verifier printed. */
  std::string log;
};

/**
 * An open BPF object file. The JavaScript object and its rings, iterators and maps share it, so
 * that programs stay attached as long as any of them is reachable.
 */
class BpfFile {
 public:
  enum class State { kOpen, kLoaded, kFailed, kClosed };

  /** `label` names the file in messages. */
  BpfFile(std::string label, References references, bpf_object* object)
      : references(std::move(references)), label_(std::move(label)), object_(object) {}

  ~BpfFile() { Close(); }
  BpfFile(const BpfFile&) = delete;
  BpfFile& operator=(const BpfFile&) = delete;

  const std::string& Label() const { return label_; }
  bpf_object* Object() const { return object_.get(); }

  State state = State::kOpen;
  /** What its load needs of the kernel's types, which stay in memory until it is over: all objects
   * that are open at a time share them. */
  References references;
  /** Valid while it is being loaded in another thread, which has the object to itself. */
  std::future<LoadOutcome> loading;
  /** Attached programs by name. */
  std::map<std::string, Link> links;
  /** Programs on functions of files, by numbers that are given once. */
  std::map<uint32_t, std::unique_ptr<Uprobes>> uprobes;
  uint32_t uprobes_given = 0;
  /** Names of the ring maps that are mapped now. */
  std::set<std::string> rings;
  std::set<Child*> children;

  /** Shuts the children, detaches and frees. Idempotent. */
  void Close();

  /** The program or map called `name`; throws, listing the names there are. `doing` starts the
   * message. */
  bpf_program* Program(Napi::Env env, const std::string& name, const std::string& doing) const;
  bpf_map* Map(Napi::Env env, const std::string& name, const std::string& doing) const;

  /** The descriptor of a loaded program or created map; throws when the object is not loaded or
   * this part was left out. */
  int LoadedProgram(Napi::Env env, const std::string& name, const std::string& doing) const;
  int LoadedMap(Napi::Env env, const std::string& name, const std::string& doing) const;

  /** Throws unless the object is in state `wanted`, and is not being loaded. */
  void Require(Napi::Env env, State wanted, const std::string& doing) const;
  /** Waits for the end of a load in another thread. */
  void RequireNotClosed(Napi::Env env, const std::string& doing) const;

 private:
  std::string label_;
  std::unique_ptr<bpf_object, CloseObject> object_;
};

}  // namespace ringtap
