#include "map_reader.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

namespace ringtap {

namespace {

/** The kernel's own ENOTSUPP (include/linux/errno.h): this map type has no batch operation. */
constexpr int kKernelNotSupported = 524;

/** One batch call copies about this much: large enough to make the call's own cost vanish. */
constexpr size_t kBatchBytes = 1 << 20;
constexpr size_t kBatchEntries = 4096;

/** EINVAL: the kernel or the map type has no batch call; EINTR: an array-like map whose entries
 * vanish under the walk. */
bool LacksBatches(int error) {
  return error == EINVAL || error == EOPNOTSUPP || error == kKernelNotSupported || error == EINTR;
}

bool IsPerCpu(bpf_map_type type) {
  return type == BPF_MAP_TYPE_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_ARRAY ||
         type == BPF_MAP_TYPE_LRU_PERCPU_HASH || type == BPF_MAP_TYPE_PERCPU_CGROUP_STORAGE;
}

/** Adds the 8-byte words of `from` to those of `to`; sums wrap as the kernel's do. */
void AddWords(uint8_t* to, const uint8_t* from, size_t bytes) {
  for (size_t at = 0; at < bytes; at += sizeof(uint64_t)) {
    uint64_t sum, addend;
    std::memcpy(&sum, to + at, sizeof(sum));
    std::memcpy(&addend, from + at, sizeof(addend));
    sum += addend;
    std::memcpy(to + at, &sum, sizeof(sum));
  }
}

}  // namespace

MapShape MapShape::Of(const bpf_map* map) {
  MapShape shape = {bpf_map__key_size(map), bpf_map__value_size(map), IsPerCpu(bpf_map__type(map)),
                    bpf_map__value_size(map)};
  if (shape.perCpu) {
    shape.transferSize =
        shape.Stride() * static_cast<size_t>(std::max(1, libbpf_num_possible_cpus()));
  }
  return shape;
}

int MapReader::ReadAll(Napi::Env env, int fd, uint32_t maxEntries, size_t* entries) {
  const int error = ReadBatches(env, fd, entries);
  return LacksBatches(error) ? ReadOneByOne(env, fd, maxEntries, entries) : error;
}

int MapReader::ReadSome(Napi::Env env, int fd, uint32_t maxEntries, uint32_t most,
                        size_t* entries) {
  *entries = 0;
  const bool first = cursor_.empty();
  // A batch may be empty before the end: buckets whose entries have just been deleted.
  while (*entries == 0 && !ended_) {
    const int error = ReadBatch(env, fd, most, entries);
    if (first && LacksBatches(error)) {
      const int single = ReadOneByOne(env, fd, maxEntries, entries);
      ended_ = single == 0 && *entries > 0;
      return single;
    }
    if (error != 0) {
      Rewind();
      return error;
    }
  }
  if (*entries == 0) Rewind();
  return 0;
}

void MapReader::Gather(Napi::Env env, const ArrayMemory& array, std::span<const uint32_t> indexes) {
  uint8_t* to = values_.Reserve(env, indexes.size() * array.Stride(), 0);
  for (const uint32_t index : indexes) {
    array.Copy(index, to);
    to += array.Stride();
  }
}

int MapReader::ReadBatches(Napi::Env env, int fd, size_t* entries) {
  const auto batch = static_cast<uint32_t>(std::clamp<size_t>(
      kBatchBytes / std::max<size_t>(1, shape_.transferSize), 16, kBatchEntries));
  *entries = 0;
  Rewind();
  int error = 0;
  while (error == 0 && !ended_) error = ReadBatch(env, fd, batch, entries);
  Rewind();
  return error;
}

int MapReader::ReadBatch(Napi::Env env, int fd, uint32_t batch, size_t* entries) {
  std::vector<uint8_t> next(std::max<size_t>(shape_.keySize, sizeof(uint32_t)));
  for (;;) {
    Reserve(env, *entries, batch);
    uint32_t count = batch;
    const int error = -bpf_map_lookup_batch(fd, cursor_.empty() ? nullptr : cursor_.data(),
                                            next.data(), keyBytes_ + *entries * shape_.keySize,
                                            ValueTarget(*entries), &count, nullptr);
    if (error == ENOSPC) {
      // A hash bucket holds more entries than the batch; nothing was consumed.
      batch *= 2;
      continue;
    }
    if (error != 0 && error != ENOENT) return error;
    Collect(*entries, count);
    *entries += count;
    ended_ = error == ENOENT;
    cursor_ = std::move(next);
    return 0;
  }
}

void MapReader::Rewind() {
  cursor_.clear();
  ended_ = false;
}

int MapReader::ReadOneByOne(Napi::Env env, int fd, uint32_t maxEntries, size_t* entries) {
  std::vector<uint8_t> key(shape_.keySize);
  *entries = 0;
  int error = -bpf_map_get_next_key(fd, nullptr, key.data());
  // A hash starts over when the key it stands on is deleted, so the walk needs an end of its own.
  while (error == 0 && *entries < maxEntries) {
    Reserve(env, *entries, 1);
    error = -bpf_map_lookup_elem(fd, key.data(), ValueTarget(*entries));
    if (error == 0) {
      std::memcpy(keyBytes_ + *entries * shape_.keySize, key.data(), shape_.keySize);
      Collect(*entries, 1);
      ++*entries;
    } else if (error != ENOENT) {
      return error;
    }
    error = -bpf_map_get_next_key(fd, key.data(), key.data());
  }
  return error == ENOENT ? 0 : error;
}

void MapReader::Reserve(Napi::Env env, size_t entries, size_t more) {
  keyBytes_ = keys_.Reserve(env, (entries + more) * shape_.keySize, entries * shape_.keySize);
  valueBytes_ =
      values_.Reserve(env, (entries + more) * shape_.valueSize, entries * shape_.valueSize);
  if (shape_.perCpu && transfer_.size() < more * shape_.transferSize) {
    transfer_.resize(more * shape_.transferSize);
  }
}

uint8_t* MapReader::ValueTarget(size_t entries) {
  return shape_.perCpu ? transfer_.data() : valueBytes_ + entries * shape_.valueSize;
}

void MapReader::Collect(size_t entries, size_t count) {
  if (!shape_.perCpu) return;
  for (size_t i = 0; i < count; ++i) {
    uint8_t* value = valueBytes_ + (entries + i) * shape_.valueSize;
    const uint8_t* cpus = transfer_.data() + i * shape_.transferSize;
    std::memcpy(value, cpus, shape_.valueSize);
    for (size_t at = shape_.Stride(); at < shape_.transferSize; at += shape_.Stride()) {
      AddWords(value, cpus + at, shape_.valueSize);
    }
  }
}

}  // namespace ringtap
