#include "array_memory.h"

#include <sys/mman.h>

#include <algorithm>
#include <bit>
#include <cstring>

namespace ringtap {

namespace {

template <typename Word>
void Store(uint8_t* to, const uint8_t* from) {
  Word word;
  std::memcpy(&word, from, sizeof(word));
  __atomic_store_n(reinterpret_cast<Word*>(to), word, __ATOMIC_RELAXED);
}

/** Stores the largest aligned word that begins at `offset` and is at most `count` bytes long;
 * returns its size. */
size_t StoreWord(uint8_t* memory, size_t offset, const uint8_t* from, size_t count) {
  const size_t aligned = offset % 8 == 0 ? 8 : size_t{1} << std::countr_zero(offset);
  const size_t size = std::min(aligned, std::bit_floor(std::min<size_t>(count, 8)));
  uint8_t* to = memory + offset;
  switch (size) {
    case 8:
      Store<uint64_t>(to, from);
      break;
    case 4:
      Store<uint32_t>(to, from);
      break;
    case 2:
      Store<uint16_t>(to, from);
      break;
    default:
      Store<uint8_t>(to, from);
  }
  return size;
}

}  // namespace

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
    // Programs add to words while this reads them: a word must not be read in halves.
    const uint64_t word =
        __atomic_load_n(reinterpret_cast<const uint64_t*>(element + at), __ATOMIC_RELAXED);
    std::memcpy(to + at, &word, sizeof(word));
  }
}

void ArrayMemory::Clear(size_t index) { std::memset(data_ + index * stride_, 0, stride_); }

void ArrayMemory::Seal(size_t index) {
  __atomic_store_n(reinterpret_cast<uint64_t*>(data_ + index * stride_), ~uint64_t{0},
                   __ATOMIC_RELAXED);
}

void ArrayMemory::Write(size_t offset, std::span<const uint8_t> bytes) {
  for (size_t at = 0; at < bytes.size();) {
    at += StoreWord(data_, offset + at, bytes.data() + at, bytes.size() - at);
  }
}

}  // namespace ringtap
