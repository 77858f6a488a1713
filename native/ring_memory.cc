#include "ring_memory.h"

#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>

namespace ringtap {

namespace {

static_assert(sizeof(unsigned long) == sizeof(uint64_t),
              "ring positions are the kernel's unsigned long");

/** Bytes of a record with its header; records start at multiples of 8. */
constexpr uint64_t Footprint(uint32_t length) {
  return (uint64_t{length} + BPF_RINGBUF_HDR_SZ + 7) & ~uint64_t{7};
}

/** So many records ahead of the one in hand memory is fetched. */
constexpr uint64_t kRecordsAhead = 8;

constexpr uint64_t kCacheLine = 64;

}  // namespace

std::shared_ptr<RingMemory> RingMemory::Map(int fd, size_t size) {
  const size_t page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  std::shared_ptr<RingMemory> ring(new RingMemory(page, size));
  void* consumer = mmap(nullptr, page, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (consumer == MAP_FAILED) return nullptr;
  ring->consumer_ = static_cast<uint64_t*>(consumer);
  void* producer =
      mmap(nullptr, page + 2 * size, PROT_READ, MAP_SHARED, fd, static_cast<off_t>(page));
  if (producer == MAP_FAILED) return nullptr;
  ring->producer_ = static_cast<const uint64_t*>(producer);
  ring->data_ = static_cast<uint8_t*>(producer) + page;
  ring->consumed_ = ring->peeked_ = __atomic_load_n(ring->consumer_, __ATOMIC_RELAXED);
  return ring;
}

RingMemory::~RingMemory() {
  if (consumer_ != nullptr) munmap(consumer_, page_);
  if (data_ != nullptr) munmap(data_ - page_, page_ + 2 * size_);
}

uint32_t RingMemory::Peek(std::span<uint32_t> index) {
  const uint32_t capacity = static_cast<uint32_t>(index.size() / 2);
  const uint64_t mask = size_ - 1;
  const uint64_t produced = __atomic_load_n(producer_, __ATOMIC_ACQUIRE);
  uint64_t position = consumed_;
  uint32_t found = 0;
  while (position != produced && found < capacity) {
    const uint64_t at = position & mask;
    // Pairs with the xchg of the header in bpf_ringbuf_commit: once the busy bit is clear,
    // the record is complete.
    const uint32_t header =
        __atomic_load_n(reinterpret_cast<const uint32_t*>(data_ + at), __ATOMIC_ACQUIRE);
    if (header & BPF_RINGBUF_BUSY_BIT) break;
    const uint32_t length = header & ~BPF_RINGBUF_DISCARD_BIT;
    if (!(header & BPF_RINGBUF_DISCARD_BIT)) {
      index[2 * found] = static_cast<uint32_t>(at + BPF_RINGBUF_HDR_SZ);
      index[2 * found + 1] = length;
      ++found;
    }
    const uint64_t footprint = Footprint(length);
    // Where a record begins is known once the header before it has been read: each would be waited
    // for. Most records of a ring are as long as the one before.
    const uint8_t* ahead = data_ + ((position + kRecordsAhead * footprint) & mask);
    for (uint64_t line = 0; line < footprint; line += kCacheLine) __builtin_prefetch(ahead + line);
    position += footprint;
  }
  peeked_ = position;
  if (found == 0) Release();
  return found;
}

void RingMemory::Release(std::span<const uint32_t> index, uint32_t records) {
  if (2 * size_t{records} > index.size()) return;
  if (records == 0) {
    peeked_ = consumed_;
    return;
  }
  const uint32_t offset = index[2 * records - 2] - BPF_RINGBUF_HDR_SZ;
  const uint64_t distance = (offset - consumed_) & (size_ - 1);
  peeked_ = std::min(peeked_, consumed_ + distance + Footprint(index[2 * records - 1]));
  Release();
}

void RingMemory::Release() {
  if (peeked_ == consumed_) return;
  consumed_ = peeked_;
  __atomic_store_n(consumer_, consumed_, __ATOMIC_RELEASE);
  // The kernel commits a record (xchg of its header, a full barrier), then reads our position, and
  // wakes the poll only if that is the record's own (bpf_ringbuf_commit). We store the position,
  // then the caller reads the headers once more. Were our store still in the store buffer during
  // that second read, each side could miss the other's write, and the record would stay in the ring
  // without a wake-up. A release store may pass a later load; only a full fence forbids it.
  __atomic_thread_fence(__ATOMIC_SEQ_CST);
}

uint64_t RingMemory::Used() const {
  return __atomic_load_n(producer_, __ATOMIC_ACQUIRE) - consumed_;
}

}  // namespace ringtap
