#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

namespace ringtap {

/**
 * The mapping of one BPF ring buffer (kernel/bpf/ringbuf.c): a consumer page that we write, then a
 * producer page and the data pages, which are the kernel's. The data pages are mapped twice in a
 * row, so no record wraps.
 */
class RingMemory {
 public:
  /** Maps the ring of `size` bytes behind a map's descriptor; null with errno set when the kernel
   * refuses. */
  static std::shared_ptr<RingMemory> Map(int fd, size_t size);
  ~RingMemory();
  RingMemory(const RingMemory&) = delete;
  RingMemory& operator=(const RingMemory&) = delete;

  size_t Size() const { return size_; }
  /** Both copies of the data, `2 * Size()` bytes, read-only. */
  uint8_t* Data() const { return data_; }

  /**
   * Writes offset and length of each complete record from the consumer position on into `index`,
   * until it is full or a record is busy. Returns how many records it found. When all it saw was
   * discarded, it releases that at once.
   */
  uint32_t Peek(std::span<uint32_t> index);
  /** Gives the kernel back what the last Peek walked over. */
  void Release();
  /** The same for the first `records` in the index that it has written: the others stay, and are
   * found again. */
  void Release(std::span<const uint32_t> index, uint32_t records);
  /** Bytes between the consumer and the producer position. */
  uint64_t Used() const;

 private:
  RingMemory(size_t page, size_t size) : page_(page), size_(size) {}

  const size_t page_;
  const size_t size_;
  uint64_t* consumer_ = nullptr;
  const uint64_t* producer_ = nullptr;
  uint8_t* data_ = nullptr;
  /** What the consumer page says: only we write it. */
  uint64_t consumed_ = 0;
  /** Where the last Peek stopped. */
  uint64_t peeked_ = 0;
};

}  // namespace ringtap
