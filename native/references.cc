#include "references.h"

#include <elf.h>
#include <linux/bpf.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <set>
#include <string_view>
#include <utility>
#include <vector>

#include "hooks.h"
#include "kernel_types.h"

namespace ringtap {

namespace {

using Bytes = std::span<const uint8_t>;

template <typename T>
bool ReadAt(Bytes bytes, uint64_t offset, T& value) {
  if (offset > bytes.size() || bytes.size() - offset < sizeof(T)) return false;
  std::memcpy(&value, bytes.data() + offset, sizeof(T));
  return true;
}

struct Section {
  std::string name;
  Bytes bytes;
};

/** The sections of an ELF file that have contents; fewer where it is damaged. */
std::vector<Section> SectionsOf(Bytes file) {
  std::vector<Section> sections;
  Elf64_Ehdr header;
  Elf64_Shdr names;
  if (!ReadAt(file, 0, header) ||
      !ReadAt(file, header.e_shoff + uint64_t{header.e_shstrndx} * sizeof(names), names)) {
    return sections;
  }
  for (uint64_t n = 0; n < header.e_shnum; ++n) {
    Elf64_Shdr section;
    if (!ReadAt(file, header.e_shoff + n * sizeof(section), section)) break;
    const uint64_t name = names.sh_offset + section.sh_name;
    if (section.sh_type != SHT_PROGBITS || name >= file.size() || section.sh_offset > file.size() ||
        file.size() - section.sh_offset < section.sh_size) {
      continue;
    }
    const char* text = reinterpret_cast<const char*>(file.data() + name);
    sections.push_back({.name = std::string(text, strnlen(text, file.size() - name)),
                        .bytes = file.subspan(section.sh_offset, section.sh_size)});
  }
  return sections;
}

/** What is common to struct btf_ext_header of all versions (libbpf_internal.h). */
struct ExtHeader {
  uint16_t magic;
  uint8_t version;
  uint8_t flags;
  uint32_t size;
  uint32_t function_offset, function_size;
  uint32_t line_offset, line_size;
  uint32_t relocations_offset, relocations_size;
};

/** Is this kind of relocation, about such a type, decided by the types that Only() keeps? */
bool IsDecided(uint32_t kind, const btf_type* type) {
  switch (kind) {
    case BPF_CORE_TYPE_MATCHES:
      return false;
    case BPF_CORE_TYPE_EXISTS:
    case BPF_CORE_TYPE_ID_TARGET:
    case BPF_CORE_TYPE_SIZE:
      // The types behind a pointer, or of a function's parameters, would be compared as well.
      return btf_is_composite(type) || btf_is_any_enum(type) || btf_is_int(type);
  }
  return true;
}

/** The names of the types that relocations are about; nothing where libbpf has to search itself. */
std::optional<std::set<std::string>> RelocatedTypes(Bytes ext, const btf* local) {
  ExtHeader header;
  if (!ReadAt(ext, 0, header) || header.magic != BTF_MAGIC || header.size < sizeof(header))
    return {};
  const uint64_t begin = uint64_t{header.size} + header.relocations_offset;
  if (header.relocations_size == 0 || begin > ext.size() ||
      ext.size() - begin < header.relocations_size) {
    return {};
  }
  const Bytes relocations = ext.subspan(begin, header.relocations_size);
  std::set<std::string> names;
  uint32_t record_size;
  if (!ReadAt(relocations, 0, record_size) || record_size < sizeof(bpf_core_relo)) return {};
  for (uint64_t at = sizeof(record_size); at < relocations.size();) {
    struct {
      uint32_t section_name, count;
    } section;
    if (!ReadAt(relocations, at, section)) return {};
    at += sizeof(section);
    for (uint32_t n = 0; n < section.count; ++n, at += record_size) {
      bpf_core_relo relocation;
      if (!ReadAt(relocations, at, relocation)) return {};
      if (relocation.kind == BPF_CORE_TYPE_ID_LOCAL) continue;
      const btf_type* type = btf__type_by_id(local, relocation.type_id);
      const char* name = type == nullptr ? nullptr : btf__name_by_offset(local, type->name_off);
      if (name == nullptr || !IsDecided(relocation.kind, type)) return {};
      names.emplace(name);
    }
  }
  return names;
}

}  // namespace

References FindReferences(std::span<const uint8_t> file, const btf* local) {
  References references;
  references.kernel = KernelTypes::Get();
  const KernelTypes* kernel = references.kernel.get();
  if (kernel == nullptr || local == nullptr) return references;
  std::optional<std::set<std::string>> types;
  for (const Section& section : SectionsOf(file)) {
    if (section.name == ".BTF.ext") types = RelocatedTypes(section.bytes, local);
    const std::optional<KernelName> hook = HookOf(section.name);
    const std::vector<uint32_t> found = hook ? kernel->Find(*hook) : std::vector<uint32_t>();
    if (!found.empty()) references.hooks[section.name] = found.front();
  }
  if (!types) return references;
  std::vector<uint32_t> ids;
  for (const std::string& type : *types) {
    const std::vector<uint32_t> found = kernel->Find({.name = type, .kind = 0});
    // Perhaps a module has it.
    if (found.empty()) return references;
    ids.insert(ids.end(), found.begin(), found.end());
  }
  references.types = FileDescriptor(memfd_create("kernel-types", MFD_CLOEXEC));
  references.type_ids = std::move(ids);
  return references;
}

int WriteTypes(const References& references) {
  if (!references.types) return 0;
  const std::vector<uint8_t> bytes = references.kernel->Only(references.type_ids);
  for (size_t written = 0; written < bytes.size();) {
    const ssize_t count =
        write(references.types.Get(), bytes.data() + written, bytes.size() - written);
    if (count <= 0) return count < 0 ? errno : EIO;
    written += count;
  }
  return 0;
}

}  // namespace ringtap
