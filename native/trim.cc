#include "trim.h"

#include <malloc.h>
#include <sys/mman.h>

#include <cinttypes>
#include <cstdint>
#include <cstdio>
#include <fstream>
#include <string>
#include <string_view>

namespace ringtap {

namespace {

/** A mapping of this process, as proc_pid_smaps(5) lists it. */
struct Mapping {
  uint64_t begin = 0;
  uint64_t end = 0;
  /** Of a file, and no one has written to it, nor can: what is dropped is read from the file again.
   */
  bool is_clean = false;
};

/** Is this the first line of a mapping, `begin-end rwxp offset device inode path`? */
bool ParseHead(const std::string& line, Mapping& mapping) {
  char permissions[5] = "";
  uint64_t inode = 0;
  const int count = std::sscanf(line.c_str(), "%" SCNx64 "-%" SCNx64 " %4s %*x %*s %" SCNu64,
                                &mapping.begin, &mapping.end, permissions, &inode);
  if (count != 4) return false;
  mapping.is_clean = inode != 0 && permissions[1] == '-' && permissions[3] == 'p';
  return true;
}

/**
 * Unmaps the pages of program files that are clean: of an agent's 40 MB of them, most have served
 * its start alone. They stay in the page cache as long as the kernel likes, and a page that is
 * needed again is mapped from there.
 */
void DropCleanPages() {
  std::ifstream mappings("/proc/self/smaps");
  Mapping mapping;
  for (std::string line; std::getline(mappings, line);) {
    Mapping next;
    if (ParseHead(line, next)) {
      mapping = next;
      continue;
    }
    constexpr std::string_view anonymous = "Anonymous:";
    // Pages of its own, as of what a dynamic linker has relocated and then protected.
    if (!mapping.is_clean || !line.starts_with(anonymous)) continue;
    if (std::stoull(line.substr(anonymous.size())) != 0) continue;
    madvise(reinterpret_cast<void*>(mapping.begin), mapping.end - mapping.begin, MADV_DONTNEED);
  }
}

/**
 * By default the C library raises both limits to the size of the largest block that was ever freed:
 * large blocks come out of its heap then, where the smaller ones behind them keep their memory when
 * they are freed, and each thread keeps as much again. A limit that is set is not raised.
 */
void KeepLittleFree(const Napi::CallbackInfo&) {
  constexpr int kBytes = 128 << 10;
  mallopt(M_MMAP_THRESHOLD, kBytes);
  mallopt(M_TRIM_THRESHOLD, kBytes);
}

void TrimMemory(const Napi::CallbackInfo&) {
  malloc_trim(0);
  DropCleanPages();
}

}  // namespace

void DefineTrim(Napi::Env env, Napi::Object exports) {
  exports.Set("keepLittleFree", Napi::Function::New<KeepLittleFree>(env, "keepLittleFree"));
  exports.Set("trimMemory", Napi::Function::New<TrimMemory>(env, "trimMemory"));
}

}  // namespace ringtap
