#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace ringtap {

/** The mapping of a BPF array that was made with BPF_F_MMAPABLE (kernel/bpf/arraymap.c). */
class ArrayMemory {
 public:
  /** Maps `count` elements of `valueSize` bytes behind a map's descriptor; null with errno set when
   * the kernel refuses. */
  static std::unique_ptr<ArrayMemory> Map(int fd, size_t valueSize, size_t count);
  ~ArrayMemory();
  ArrayMemory(const ArrayMemory&) = delete;
  ArrayMemory& operator=(const ArrayMemory&) = delete;

  /** Elements lie at multiples of 8 bytes. */
  size_t Stride() const { return stride_; }
  size_t Count() const { return count_; }

  /** Copies an element to `to`, which has room for a stride: each word is read in one piece. */
  void Copy(size_t index, uint8_t* to) const;
  void Clear(size_t index);
  /** Sets the first word of an element to all ones, in one piece. */
  void Seal(size_t index);
  /** Writes somewhere into the elements, each aligned word in one piece. */
  void Write(size_t offset, std::span<const uint8_t> bytes);

 private:
  ArrayMemory(size_t stride, size_t count) : stride_(stride), count_(count) {}

  const size_t stride_;
  const size_t count_;
  uint8_t* data_ = nullptr;
};

}  // namespace ringtap
