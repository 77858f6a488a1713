#pragma once

#include <bpf/btf.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

namespace ringtap {

/** A named type of the kernel that is searched for. */
struct KernelName {
  std::string name;
  /** BTF_KIND_*; 0 for any that CO-RE relocations can be about. */
  uint32_t kind;
};

/**
 * The types of the running kernel, in its BTF of several megabytes. libbpf reads and searches that
 * anew for each object, for each struct that is relocated in it and for each hook, which takes most
 * of a load; this reads it once for all objects that are open at a time.
 */
class KernelTypes {
 public:
  /** In memory as long as anyone holds it; null where the kernel has none, or one that is not
   * understood. */
  static std::shared_ptr<const KernelTypes> Get();

  /** Begins to read them in another thread, for the next Get(). */
  static void BeginRead();

  KernelTypes(const KernelTypes&) = delete;
  KernelTypes& operator=(const KernelTypes&) = delete;
  ~KernelTypes();

  /** The ids of all types of this name; none where there is no such type. The flavor of a type that
   * a relocation is about (`task_struct___old`) is no part of its name. */
  std::vector<uint32_t> Find(const KernelName& name) const;

  /**
   * BTF in which ids are those of the kernel, but only these types are complete, with all that they
   * consist of: the others have no name, and what pointers point to no type.
   */
  std::vector<uint8_t> Only(const std::vector<uint32_t>& ids) const;

 private:
  struct Bytes;

  explicit KernelTypes(std::unique_ptr<Bytes> bytes);
  static std::shared_ptr<const KernelTypes> Read();

  const btf_type* Type(uint32_t id) const;
  const char* Name(uint32_t offset) const;
  void MakeIndex();

  std::unique_ptr<Bytes> bytes_;
  std::span<const uint8_t> types_;
  std::span<const char> strings_;
  /** Where each type begins in `types_`, by its id; that of 0 is not used. */
  std::vector<uint32_t> places_;
  /** Ids by the hash of the name without a flavor, each in the first free place from there on; 0 is
   * free. */
  std::vector<uint32_t> index_;
};

}  // namespace ringtap
