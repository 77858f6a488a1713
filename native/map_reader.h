#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <cstdint>
#include <span>
#include <vector>

#include "array_memory.h"
#include "column.h"

namespace ringtap {

/** The sizes of a map's entries, as system calls see them. */
struct MapShape {
  uint32_t keySize;
  uint32_t valueSize;
  bool perCpu;
  /** Bytes of one value in a system call: for per-CPU maps a multiple of 8 for each possible CPU.
   */
  size_t transferSize;

  static MapShape Of(const bpf_map* map);
  /** Distance of two CPUs' values in a transfer. */
  size_t Stride() const { return (size_t{valueSize} + 7) & ~size_t{7}; }
};

/** Copies the entries of a map into two columns. Its buffers grow as the map fills and are used
 * again. */
class MapReader {
 public:
  MapReader(Napi::Env env, const MapShape& shape) : shape_(shape), keys_(env), values_(env) {}

  /** Reads everything. Returns 0 and the number of entries, or a positive errno. */
  int ReadAll(Napi::Env env, int fd, uint32_t maxEntries, size_t* entries);

  /** Reads the next entries, about `most`: none at the end, and after that the first ones again.
   * Without batch calls, all are the next. Returns as ReadAll does. */
  int ReadSome(Napi::Env env, int fd, uint32_t maxEntries, uint32_t most, size_t* entries);

  /** Reads only some elements of a mapped array, into the column of values; indexes must be below
   * its count. */
  void Gather(Napi::Env env, const ArrayMemory& array, std::span<const uint32_t> indexes);

  const Column& Keys() const { return keys_; }
  const Column& Values() const { return values_; }

 private:
  int ReadBatches(Napi::Env env, int fd, size_t* entries);
  /** One batch call, for at most `batch` entries or as many as a bucket has, which go behind the
   * first `entries`. */
  int ReadBatch(Napi::Env env, int fd, uint32_t batch, size_t* entries);
  /** The next batch is the first. */
  void Rewind();
  int ReadOneByOne(Napi::Env env, int fd, uint32_t maxEntries, size_t* entries);
  /** Makes room for `more` entries behind the first `entries`, in both columns and, for per-CPU
   * maps, in the transfer buffer. */
  void Reserve(Napi::Env env, size_t entries, size_t more);
  /** Where the kernel is to write values that belong behind the first `entries`. */
  uint8_t* ValueTarget(size_t entries);
  /** Brings `count` values from the transfer buffer, summed over the CPUs, behind the first
   * `entries`. */
  void Collect(size_t entries, size_t count);

  MapShape shape_;
  Column keys_;
  Column values_;
  uint8_t* keyBytes_ = nullptr;
  uint8_t* valueBytes_ = nullptr;
  /** Where the next batch begins: a bucket number for hashes, a key for other maps; empty for the
   * first one. */
  std::vector<uint8_t> cursor_;
  /** The last batch has reached the end. */
  bool ended_ = false;
  /** Per-CPU values as the kernel gives them; empty for other maps, whose values go straight into
   * their column. */
  std::vector<uint8_t> transfer_;
};

}  // namespace ringtap
