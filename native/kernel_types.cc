#include "kernel_types.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bitset>
#include <cstring>
#include <mutex>
#include <string_view>
#include <unordered_map>
#include <utility>

#include "file_descriptor.h"

namespace ringtap {

namespace {

/** The kinds that relocations can be about: bpf_core_calc_relo_insn() in libbpf's relo_core.c. */
bool CanBeRelocated(uint32_t kind) {
  switch (kind) {
    case BTF_KIND_INT:
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
    case BTF_KIND_ENUM:
    case BTF_KIND_FWD:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_FLOAT:
    case BTF_KIND_ENUM64:
      return true;
  }
  return false;
}

/** Bytes that follow the btf_type of a kind; -1 for an unknown one (Documentation/bpf/btf.rst). */
int64_t BytesBehind(uint32_t kind, uint32_t count) {
  switch (kind) {
    case BTF_KIND_PTR:
    case BTF_KIND_FWD:
    case BTF_KIND_TYPEDEF:
    case BTF_KIND_VOLATILE:
    case BTF_KIND_CONST:
    case BTF_KIND_RESTRICT:
    case BTF_KIND_FUNC:
    case BTF_KIND_FLOAT:
    case BTF_KIND_TYPE_TAG:
      return 0;
    case BTF_KIND_INT:
    case BTF_KIND_VAR:
    case BTF_KIND_DECL_TAG:
      return sizeof(uint32_t);
    case BTF_KIND_ARRAY:
      return sizeof(struct btf_array);
    case BTF_KIND_STRUCT:
    case BTF_KIND_UNION:
      return int64_t{count} * sizeof(btf_member);
    case BTF_KIND_ENUM:
      return int64_t{count} * sizeof(struct btf_enum);
    case BTF_KIND_ENUM64:
      return int64_t{count} * sizeof(struct btf_enum64);
    case BTF_KIND_FUNC_PROTO:
      return int64_t{count} * sizeof(btf_param);
    case BTF_KIND_DATASEC:
      return int64_t{count} * sizeof(btf_var_secinfo);
  }
  return -1;
}

/** A name without its flavor, as bpf_core_essential_name_len() in libbpf's relo_core.c has it. */
std::string_view WithoutFlavor(std::string_view name) {
  for (size_t at = name.rfind("___"); at != name.npos && at > 0; at = name.rfind("___", at - 1)) {
    if (name[at - 1] != '_' && at + 3 < name.size() && name[at + 3] != '_') return name.substr(0, at);
  }
  return name;
}

/** Which names can be meant, by their first eight bytes: most are told apart without being read on. */
class FirstBytes {
 public:
  void Add(std::string_view name) {
    uint64_t first = 0;
    std::memcpy(&first, name.data(), std::min(name.size(), sizeof(first)));
    seen_.set(Hash(first));
  }

  /** `name` ends with a 0, and eight bytes can be read there. */
  bool MayHave(const char* name) const {
    uint64_t first;
    std::memcpy(&first, name, sizeof(first));
    const uint64_t zeros = (first - 0x0101010101010101) & ~first & 0x8080808080808080;
    // What is behind the lowest byte that is 0.
    if (zeros != 0) first &= ((zeros & -zeros) >> 7) - 1;
    return seen_.test(Hash(first));
  }

 private:
  static constexpr int kBits = 13;

  static size_t Hash(uint64_t first) { return first * 0x9e3779b97f4a7c15 >> (64 - kBits); }

  std::bitset<1 << kBits> seen_;
};

/** Makes BTF of types that keep their ids. */
class Writer {
 public:
  explicit Writer(size_t ids) { types_.reserve(ids * sizeof(btf_type)); }

  /** A type of which nothing is to be known. */
  void AddNothing() {
    const btf_type nothing = {.name_off = 0, .info = BTF_KIND_FWD << 24, .type = 0};
    Append(&nothing, sizeof(nothing));
  }

  void Append(const void* bytes, size_t size) {
    const auto* first = static_cast<const uint8_t*>(bytes);
    types_.insert(types_.end(), first, first + size);
  }

  /** The offset of a name in the new BTF. */
  uint32_t Offset(const char* name) {
    if (*name == '\0') return 0;
    const auto [found, is_new] = offsets_.try_emplace(name, strings_.size());
    if (is_new) strings_.append(name, std::strlen(name) + 1);
    return found->second;
  }

  std::vector<uint8_t> Finish() const {
    btf_header header = {};
    header.magic = BTF_MAGIC;
    header.version = BTF_VERSION;
    header.hdr_len = sizeof(header);
    header.type_len = types_.size();
    header.str_off = types_.size();
    header.str_len = strings_.size();
    std::vector<uint8_t> all(sizeof(header) + types_.size() + strings_.size());
    std::memcpy(all.data(), &header, sizeof(header));
    std::memcpy(all.data() + sizeof(header), types_.data(), types_.size());
    std::memcpy(all.data() + sizeof(header) + types_.size(), strings_.data(), strings_.size());
    return all;
  }

 private:
  std::vector<uint8_t> types_;
  std::string strings_ = std::string(1, '\0');
  std::unordered_map<std::string_view, uint32_t> offsets_;
};

/** The ids that a type consists of; a pointer consists of nothing. */
template <typename Each>
void ForEachPart(const btf_type* type, const Each& each) {
  if (btf_is_composite(type)) {
    const btf_member* members = btf_members(type);
    std::for_each(members, members + btf_vlen(type),
                  [&](const btf_member& member) { each(member.type); });
  } else if (btf_is_array(type)) {
    each(btf_array(type)->type);
    each(btf_array(type)->index_type);
  } else if (btf_is_typedef(type) || (btf_is_mod(type) && !btf_is_ptr(type))) {
    each(type->type);
  }
}

}  // namespace

/** The file, mapped where the kernel lets it be (since Linux 6.16), else read. */
struct KernelTypes::Bytes {
  std::span<const uint8_t> all;
  std::unique_ptr<uint8_t[]> read;

  ~Bytes() {
    if (read == nullptr) munmap(const_cast<uint8_t*>(all.data()), all.size());
  }

  static std::unique_ptr<Bytes> Of(const char* path) {
    const FileDescriptor file(open(path, O_RDONLY | O_CLOEXEC));
    struct stat status;
    if (!file || fstat(file.Get(), &status) != 0 || status.st_size <= 0) return nullptr;
    const size_t size = status.st_size;
    auto bytes = std::make_unique<Bytes>();
    void* mapped = mmap(nullptr, size, PROT_READ, MAP_PRIVATE, file.Get(), 0);
    if (mapped != MAP_FAILED) {
      bytes->all = {static_cast<const uint8_t*>(mapped), size};
      return bytes;
    }
    bytes->read.reset(new uint8_t[size]);
    bytes->all = {bytes->read.get(), size};
    for (size_t count = 0; count < size;) {
      const ssize_t more = ::read(file.Get(), bytes->read.get() + count, size - count);
      if (more <= 0) return nullptr;
      count += more;
    }
    return bytes;
  }
};

std::shared_ptr<const KernelTypes> KernelTypes::Get() {
  static std::mutex mutex;
  static std::weak_ptr<const KernelTypes> current;
  const std::scoped_lock lock(mutex);
  std::shared_ptr<const KernelTypes> types = current.lock();
  if (types == nullptr) current = types = Read();
  return types;
}

std::shared_ptr<const KernelTypes> KernelTypes::Read() {
  std::unique_ptr<Bytes> bytes = Bytes::Of("/sys/kernel/btf/vmlinux");
  if (bytes == nullptr) return nullptr;
  std::shared_ptr<KernelTypes> types(new KernelTypes(std::move(bytes)));
  return types->places_.empty() ? nullptr : types;
}

KernelTypes::~KernelTypes() = default;

KernelTypes::KernelTypes(std::unique_ptr<Bytes> bytes) : bytes_(std::move(bytes)) {
  const std::span<const uint8_t> all = bytes_->all;
  btf_header header;
  if (all.size() < sizeof(header)) return;
  std::memcpy(&header, all.data(), sizeof(header));
  const uint64_t types_end = uint64_t{header.hdr_len} + header.type_off + header.type_len;
  const uint64_t strings_end = uint64_t{header.hdr_len} + header.str_off + header.str_len;
  if (header.magic != BTF_MAGIC || header.str_len == 0 || types_end > all.size() ||
      strings_end > all.size() || all[strings_end - 1] != 0) {
    return;
  }
  types_ = all.subspan(types_end - header.type_len, header.type_len);
  strings_ = {reinterpret_cast<const char*>(all.data() + strings_end - header.str_len),
              header.str_len};
  std::vector<uint32_t> places(1);
  places.reserve(header.type_len / 24);
  for (uint64_t at = 0; at < types_.size();) {
    if (types_.size() - at < sizeof(btf_type)) return;
    const auto* type = reinterpret_cast<const btf_type*>(types_.data() + at);
    const int64_t behind = BytesBehind(btf_kind(type), btf_vlen(type));
    if (behind < 0 || type->name_off >= strings_.size()) return;
    places.push_back(at);
    at += sizeof(btf_type) + behind;
    if (at > types_.size()) return;
  }
  places_ = std::move(places);
}

const char* KernelTypes::Name(uint32_t offset) const {
  return offset < strings_.size() ? strings_.data() + offset : "";
}

std::vector<std::vector<uint32_t>> KernelTypes::Find(std::span<const KernelName> names) const {
  std::vector<std::vector<uint32_t>> found(names.size());
  std::unordered_multimap<std::string_view, size_t> wanted;
  FirstBytes first_bytes;
  for (size_t n = 0; n < names.size(); ++n) {
    wanted.emplace(WithoutFlavor(names[n].name), n);
    // The kernel's own types have no flavor, but a function's name may look as if it had.
    first_bytes.Add(names[n].kind == 0 ? WithoutFlavor(names[n].name) : names[n].name);
  }
  for (uint32_t id = 1; id < places_.size(); ++id) {
    const auto* type = reinterpret_cast<const btf_type*>(types_.data() + places_[id]);
    if (type->name_off == 0) continue;
    const bool can_skip = strings_.size() - type->name_off >= sizeof(uint64_t);
    const char* text = strings_.data() + type->name_off;
    if (can_skip && !first_bytes.MayHave(text)) continue;
    const std::string_view name = text;
    const auto [begin, end] = wanted.equal_range(WithoutFlavor(name));
    for (auto match = begin; match != end; ++match) {
      const KernelName& asked = names[match->second];
      const bool fits = asked.kind == 0 ? CanBeRelocated(btf_kind(type))
                                        : asked.kind == btf_kind(type) && asked.name == name;
      if (fits) found[match->second].push_back(id);
    }
  }
  return found;
}

std::vector<uint8_t> KernelTypes::Only(const std::vector<uint32_t>& ids) const {
  std::vector<bool> is_needed(places_.size());
  std::vector<uint32_t> left;
  uint32_t last = 0;
  const auto need = [&](uint32_t id) {
    if (id == 0 || id >= places_.size() || is_needed[id]) return;
    is_needed[id] = true;
    last = std::max(last, id);
    left.push_back(id);
  };
  const auto type_of = [&](uint32_t id) {
    return reinterpret_cast<const btf_type*>(types_.data() + places_[id]);
  };
  std::for_each(ids.begin(), ids.end(), need);
  while (!left.empty()) {
    const btf_type* type = type_of(left.back());
    left.pop_back();
    ForEachPart(type, need);
  }
  Writer writer(last);
  for (uint32_t id = 1; id <= last; ++id) {
    if (!is_needed[id]) {
      writer.AddNothing();
      continue;
    }
    const btf_type* type = type_of(id);
    btf_type copy = *type;
    copy.name_off = writer.Offset(Name(type->name_off));
    if (btf_is_ptr(type)) copy.type = 0;
    writer.Append(&copy, sizeof(copy));
    if (btf_is_composite(type)) {
      std::for_each(btf_members(type), btf_members(type) + btf_vlen(type), [&](btf_member member) {
        member.name_off = writer.Offset(Name(member.name_off));
        writer.Append(&member, sizeof(member));
      });
    } else if (btf_is_enum(type)) {
      std::for_each(btf_enum(type), btf_enum(type) + btf_vlen(type), [&](struct btf_enum value) {
        value.name_off = writer.Offset(Name(value.name_off));
        writer.Append(&value, sizeof(value));
      });
    } else if (btf_is_enum64(type)) {
      std::for_each(btf_enum64(type), btf_enum64(type) + btf_vlen(type),
                    [&](struct btf_enum64 value) {
                      value.name_off = writer.Offset(Name(value.name_off));
                      writer.Append(&value, sizeof(value));
                    });
    } else {
      writer.Append(type + 1, BytesBehind(btf_kind(type), btf_vlen(type)));
    }
  }
  return writer.Finish();
}

}  // namespace ringtap
