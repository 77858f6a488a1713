#include "kernel_types.h"

#include <bpf/btf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <future>
#include <mutex>
#include <string_view>
#include <system_error>
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

/** The same, or what programs are hooked to. */
bool CanBeFound(uint32_t kind) { return kind == BTF_KIND_FUNC || CanBeRelocated(kind); }

size_t Hash(std::string_view name) { return std::hash<std::string_view>()(name); }

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
    if (name[at - 1] != '_' && at + 3 < name.size() && name[at + 3] != '_')
      return name.substr(0, at);
  }
  return name;
}

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

namespace {

/** Guards both that follow. */
std::mutex current_mutex;
std::weak_ptr<const KernelTypes> current;
std::future<std::shared_ptr<const KernelTypes>> begun;

}  // namespace

std::shared_ptr<const KernelTypes> KernelTypes::Get() {
  const std::scoped_lock lock(current_mutex);
  std::shared_ptr<const KernelTypes> types = begun.valid() ? begun.get() : current.lock();
  if (types == nullptr) types = Read();
  current = types;
  return types;
}

void KernelTypes::BeginRead() {
  const std::scoped_lock lock(current_mutex);
  if (begun.valid() || !current.expired()) return;
  try {
    begun = std::async(std::launch::async, Read);
  } catch (const std::system_error&) {
    // No thread is to be had: Get() reads them.
  }
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
  MakeIndex();
}

const char* KernelTypes::Name(uint32_t offset) const {
  return offset < strings_.size() ? strings_.data() + offset : "";
}

const btf_type* KernelTypes::Type(uint32_t id) const {
  return reinterpret_cast<const btf_type*>(types_.data() + places_[id]);
}

void KernelTypes::MakeIndex() {
  index_.resize(std::bit_ceil(2 * places_.size()));
  for (uint32_t id = 1; id < places_.size(); ++id) {
    const btf_type* type = Type(id);
    if (type->name_off == 0 || !CanBeFound(btf_kind(type))) continue;
    size_t at = Hash(WithoutFlavor(Name(type->name_off)));
    while (index_[at & (index_.size() - 1)] != 0) ++at;
    index_[at & (index_.size() - 1)] = id;
  }
}

std::vector<uint32_t> KernelTypes::Find(const KernelName& wanted) const {
  const std::string_view name = WithoutFlavor(wanted.name);
  std::vector<uint32_t> found;
  for (size_t at = Hash(name);; ++at) {
    const uint32_t id = index_[at & (index_.size() - 1)];
    if (id == 0) return found;
    const btf_type* type = Type(id);
    const std::string_view full = Name(type->name_off);
    const bool fits = wanted.kind == 0
                          ? CanBeRelocated(btf_kind(type)) && WithoutFlavor(full) == name
                          : wanted.kind == btf_kind(type) && full == wanted.name;
    if (fits) found.push_back(id);
  }
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
  std::for_each(ids.begin(), ids.end(), need);
  while (!left.empty()) {
    const btf_type* type = Type(left.back());
    left.pop_back();
    ForEachPart(type, need);
  }
  Writer writer(last);
  for (uint32_t id = 1; id <= last; ++id) {
    if (!is_needed[id]) {
      writer.AddNothing();
      continue;
    }
    const btf_type* type = Type(id);
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
