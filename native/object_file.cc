#include "object_file.h"

#include <bpf/btf.h>
#include <elf.h>
#include <fcntl.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <memory>
#include <span>

#include "file_descriptor.h"
#include "kernel_types.h"
#include "user_reads.h"

namespace ringtap {

namespace {

/** CASTS_PLACEHOLDER of bpf/include/ringtap/read.h. */
constexpr int32_t kPlaceholder = 0x72646f63;

/** Only compiled programs can call functions of the kernel (add_kfunc_call(),
 * kernel/bpf/verifier.c). */
bool AreProgramsCompiled() {
  std::ifstream setting("/proc/sys/net/core/bpf_jit_enable");
  int value = 1;
  return !(setting >> value) || value != 0;
}

/** The id of bpf_rdonly_cast() in the kernel's BTF; 0 when programs cannot call it. */
int32_t FindFunction() {
  if (!AreProgramsCompiled()) return 0;
  const std::shared_ptr<const KernelTypes> kernel = KernelTypes::Get();
  if (kernel == nullptr) return 0;
  const std::vector<uint32_t> found =
      kernel->Find({.name = "bpf_rdonly_cast", .kind = BTF_KIND_FUNC});
  return found.empty() ? 0 : static_cast<int32_t>(found.front());
}

/** The bytes of a regular file; none when it is no such file, or cannot be read. */
std::vector<uint8_t> Read(const std::string& path) {
  const FileDescriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  struct stat status;
  if (!file || fstat(file.Get(), &status) != 0 || !S_ISREG(status.st_mode)) return {};
  std::vector<uint8_t> bytes(status.st_size);
  size_t count = 0;
  while (count < bytes.size()) {
    const ssize_t more = read(file.Get(), bytes.data() + count, bytes.size() - count);
    if (more <= 0) return {};
    count += more;
  }
  return bytes;
}

template <typename T>
bool ReadAt(std::span<const uint8_t> file, uint64_t offset, T& value) {
  if (offset > file.size() || file.size() - offset < sizeof(T)) return false;
  std::memcpy(&value, file.data() + offset, sizeof(T));
  return true;
}

/** Replaces one instruction, if it has the placeholder and the kernel has the function. */
bool ReplacePlaceholder(bpf_insn& instruction) {
  if (instruction.imm != kPlaceholder || instruction.src_reg != 0 || CastFunction() == 0) {
    return false;
  }
  if (instruction.code == (BPF_ALU64 | BPF_MOV | BPF_K)) {
    instruction.imm = 1;
  } else if (instruction.code == (BPF_JMP | BPF_CALL)) {
    instruction.src_reg = BPF_PSEUDO_KFUNC_CALL;
    instruction.imm = CastFunction();
  } else {
    return false;
  }
  return true;
}

/** Changes what is to be changed among instructions. */
void Change(std::span<uint8_t> section) {
  for (size_t at = 0; section.size() - at >= sizeof(bpf_insn); at += sizeof(bpf_insn)) {
    bpf_insn instruction;
    std::memcpy(&instruction, section.data() + at, sizeof(instruction));
    if (!ReplacePlaceholder(instruction) && !HideUserRead(instruction)) continue;
    std::memcpy(section.data() + at, &instruction, sizeof(instruction));
  }
}

}  // namespace

int32_t CastFunction() {
  static const int32_t id = FindFunction();
  return id;
}

std::vector<uint8_t> ObjectFileFor(const std::string& path) {
  std::vector<uint8_t> file = Read(path);
  Elf64_Ehdr header;
  if (!ReadAt(file, 0, header)) return {};
  for (uint64_t n = 0; n < header.e_shnum; ++n) {
    Elf64_Shdr section;
    if (!ReadAt(file, header.e_shoff + n * sizeof(section), section)) return {};
    if (section.sh_type != SHT_PROGBITS || (section.sh_flags & SHF_EXECINSTR) == 0) continue;
    if (section.sh_offset > file.size() || file.size() - section.sh_offset < section.sh_size) {
      return {};
    }
    Change(std::span(file).subspan(section.sh_offset, section.sh_size));
  }
  return file;
}

}  // namespace ringtap
