#include "array_memory.h"

#include <sys/mman.h>

#include <cstring>

namespace ringtap {

std::unique_ptr<ArrayMemory> ArrayMemory::Map(int fd, size_t valueSize, size_t count) {
  const size_t stride = (valueSize + 7) & ~size_t{7};
  std::unique_ptr<ArrayMemory> array(new ArrayMemory(stride, count));
  void* data = mmap(nullptr, stride * count, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (data == MAP_FAILED) return nullptr;
  array->data_ = static_cast<uint8_t*>(data);
  return array;
}

ArrayMemory::~ArrayMemory() {
  if (data_ != nullptr) munmap(data_, stride_ * count_);
}

void ArrayMemory::Copy(size_t index, uint8_t* to) const {
  const uint8_t* element = data_ + index * stride_;
  for (size_t at = 0; at < stride_; at += sizeof(uint64_t)) {
    // Programs add to words while we look: a word must not be read in halves.
    const uint64_t word =
        __atomic_load_n(reinterpret_cast<const uint64_t*>(element + at), __ATOMIC_RELAXED);
    std::memcpy(to + at, &word, sizeof(word));
  }
}

void ArrayMemory::Clear(size_t index) { std::memset(data_ + index * stride_, 0, stride_); }

}  // namespace ringtap
