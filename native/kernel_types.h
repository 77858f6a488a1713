#pragma once

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

  KernelTypes(const KernelTypes&) = delete;
  KernelTypes& operator=(const KernelTypes&) = delete;
  ~KernelTypes();

  /** The ids of all types of these names, by the names' places; none where there is no such type.
   * The flavor of a type that a relocation is about (`task_struct___old`) is no part of its name.
   */
  std::vector<std::vector<uint32_t>> Find(std::span<const KernelName> names) const;

  /**
   * BTF in which ids are those of the kernel, but only these types are complete, with all that they
   * consist of: the others have no name, and what pointers point to no type.
   */
  std::vector<uint8_t> Only(const std::vector<uint32_t>& ids) const;

 private:
  struct Bytes;

  explicit KernelTypes(std::unique_ptr<Bytes> bytes);
  static std::shared_ptr<const KernelTypes> Read();

  const char* Name(uint32_t offset) const;

  std::unique_ptr<Bytes> bytes_;
  std::span<const uint8_t> types_;
  std::span<const char> strings_;
  /** Where each type begins in `types_`, by its id; that of 0 is not used. */
  std::vector<uint32_t> places_;
};

}  // namespace ringtap
