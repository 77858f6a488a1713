#pragma once

#include <bpf/libbpf.h>

#include <cstdint>
#include <map>
#include <optional>
#include <span>

namespace ringtap {

/**
 * The constants of an object, as immediate values.
 *
 * A program loads a `const volatile` variable from a map. The verifier knows what is there, and
 * removes what the value rules out, but not the load, nor the place in the caches that it takes: a
 * program asks for ten constants and more on its way. So before it is loaded, each load is replaced
 * by its value, where its address is made for it alone.
 */
class Constants {
 public:
  /** Those of an object that is being loaded, whose maps there are. */
  explicit Constants(const bpf_object* object);

  /** Changes a program that is about to be loaded; 0 or a negative errno. */
  int MakeImmediate(bpf_program* program) const;

 private:
  /** So many bytes of a map, lowest first; none where they are not constant, or not the map's. */
  std::optional<uint64_t> ValueAt(int map, int64_t offset, size_t bytes) const;

  /** What maps hold that nobody writes to, by the maps' descriptors. */
  std::map<int, std::span<const uint8_t>> sections_;
};

}  // namespace ringtap
