#include "variables.h"

#include <bpf/btf.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstring>
#include <memory>
#include <optional>
#include <vector>

#include "array_memory.h"
#include "btf.h"
#include "error.h"

namespace ringtap {

namespace {

/** Holds every value of a signed and an unsigned 64-bit variable. */
using Integer = __int128;

struct Variable {
  bpf_map* map;
  uint32_t offset;
  uint32_t size;
  const btf_type* type;
};

/** Which variables are meant, by the name of their section, and what messages call them. */
struct Kind {
  const char* noun;
  bool (*has)(const std::string& section);
};

constexpr Kind kConstants = {
    "constant", [](const std::string& section) { return section.starts_with(".rodata"); }};
constexpr Kind kVariables = {"variable", [](const std::string& section) {
                               return section.starts_with(".data") || section.starts_with(".bss");
                             }};

/** Finds `name` in the sections of its kind; collects the names passed on the way in `known`. */
std::optional<Variable> FindVariable(const bpf_object* object, const Kind& kind,
                                     const std::string& name, std::string* known) {
  const btf* types = bpf_object__btf(object);
  if (types == nullptr) return std::nullopt;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const btf_type* section = btf__type_by_id(types, bpf_map__btf_value_type_id(map));
    if (section == nullptr || !btf_is_datasec(section)) continue;
    if (!kind.has(btf__name_by_offset(types, section->name_off))) continue;
    const btf_var_secinfo* variables = btf_var_secinfos(section);
    for (size_t i = 0; i < btf_vlen(section); ++i) {
      const btf_type* variable = btf__type_by_id(types, variables[i].type);
      const std::string variableName = btf__name_by_offset(types, variable->name_off);
      if (variableName == name) {
        return Variable{map, variables[i].offset, variables[i].size,
                        PeelType(types, variable->type)};
      }
      *known += (known->empty() ? "" : ", ") + variableName;
    }
  }
  return std::nullopt;
}

/** The integer that a number or bigint stands for; none when it has a fraction or needs more than
 * 64 bits. */
std::optional<Integer> IntegerOf(Napi::Value value) {
  if (value.IsNumber()) {
    const double number = value.As<Napi::Number>().DoubleValue();
    if (std::trunc(number) != number || std::abs(number) > 0x1p53) return std::nullopt;
    return static_cast<Integer>(number);
  }
  bool lossless = false;
  const int64_t small = value.As<Napi::BigInt>().Int64Value(&lossless);
  if (lossless) return small;
  const uint64_t large = value.As<Napi::BigInt>().Uint64Value(&lossless);
  if (lossless) return large;
  return std::nullopt;
}

struct Range {
  Integer least;
  Integer most;
};

/** What fits in an integer or enum variable; none for other types. */
std::optional<Range> RangeOf(const Variable& variable) {
  if (variable.size > 8) return std::nullopt;
  const Integer beyond = Integer{1} << (8 * variable.size);
  if (btf_is_any_enum(variable.type)) return Range{-(beyond / 2), beyond - 1};
  if (!btf_is_int(variable.type)) return std::nullopt;
  if (btf_int_encoding(variable.type) & BTF_INT_BOOL) return Range{0, 1};
  if (btf_int_encoding(variable.type) & BTF_INT_SIGNED) return Range{-(beyond / 2), beyond / 2 - 1};
  return Range{0, beyond - 1};
}

/** The write of one variable: where it goes and what is written, or an error. */
class Assignment {
 public:
  Assignment(Napi::Env env, const BpfFile& file, const Kind& kind, const std::string& name)
      : env_(env),
        name_(name),
        doing_(std::string("setting ") + kind.noun + " " + Quoted(name) + " of " + file.Label()) {
    std::string known;
    const auto found = FindVariable(file.Object(), kind, name, &known);
    if (!found) {
      throw Refused(std::string("no such ") + kind.noun + ", only " +
                    (known.empty() ? "none" : known));
    }
    variable_ = *found;
  }

  const Variable& Target() const { return variable_; }

  /** The bytes of `value`, as many as the variable has. */
  std::vector<uint8_t> Bytes(Napi::Value value) const {
    std::vector<uint8_t> bytes(variable_.size, 0);
    if (value.IsNumber() || value.IsBigInt()) {
      const uint64_t word = Word(value);
      std::memcpy(bytes.data(), &word, variable_.size);
    } else if (value.IsTypedArray() &&
               value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
      const auto given = value.As<Napi::Uint8Array>();
      if (given.ByteLength() > variable_.size) {
        throw Refused(std::to_string(given.ByteLength()) + " bytes do not fit its " +
                      std::to_string(variable_.size));
      }
      std::copy_n(given.Data(), given.ByteLength(), bytes.begin());
    } else {
      throw Napi::TypeError::New(env_, "argument value must be a number, a bigint or a Uint8Array");
    }
    return bytes;
  }

  /** The BTF is the object's own, and need not agree with its sections. */
  void RequireWithin(size_t section) const {
    if (uint64_t{variable_.offset} + variable_.size > section) {
      throw Refused("the BTF puts it beyond the end of its section");
    }
  }

  Napi::Error Failed(int error) const {
    return NativeError(env_, {.doing = doing_, .subject = name_, .error = error});
  }

 private:
  Napi::Error Refused(const std::string& cause) const {
    return NativeError(env_, {.doing = doing_, .subject = name_, .cause = cause});
  }

  uint64_t Word(Napi::Value value) const {
    const auto range = RangeOf(variable_);
    if (!range) throw Refused("the variable is no integer; it takes bytes");
    const auto integer = IntegerOf(value);
    if (!integer || *integer < range->least || *integer > range->most) {
      throw Refused(value.ToString().Utf8Value() + " does not fit its " +
                    std::to_string(variable_.size) + " bytes");
    }
    return static_cast<uint64_t>(*integer);
  }

  Napi::Env env_;
  const std::string& name_;
  const std::string doing_;
  Variable variable_;
};

}  // namespace

void SetConstant(Napi::Env env, const BpfFile& file, const std::string& name, Napi::Value value) {
  const Assignment assignment(env, file, kConstants, name);
  const std::vector<uint8_t> bytes = assignment.Bytes(value);
  const Variable& constant = assignment.Target();
  size_t size = 0;
  const void* section = bpf_map__initial_value(constant.map, &size);
  assignment.RequireWithin(size);
  std::vector<uint8_t> content(size);
  std::memcpy(content.data(), section, size);
  std::memcpy(content.data() + constant.offset, bytes.data(), bytes.size());
  const int error = -bpf_map__set_initial_value(constant.map, content.data(), size);
  if (error != 0) throw assignment.Failed(error);
}

void SetVariable(Napi::Env env, const BpfFile& file, const std::string& name, Napi::Value value) {
  const Assignment assignment(env, file, kVariables, name);
  const std::vector<uint8_t> bytes = assignment.Bytes(value);
  const auto [map, offset, size, type] = assignment.Target();
  const uint32_t section = bpf_map__value_size(map);
  assignment.RequireWithin(section);
  // Libbpf's own memory becomes the map's in skeletons only (bpf_object__load_skeleton,
  // libbpf 1.1).
  const auto memory = ArrayMemory::Map(bpf_map__fd(map), section, 1);
  if (memory == nullptr) throw assignment.Failed(errno);
  memory->Write(offset, bytes);
}

}  // namespace ringtap
