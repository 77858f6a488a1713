#include "constants.h"

#include <bpf/btf.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <optional>
#include <vector>

#include "btf.h"
#include "error.h"

namespace ringtap {

namespace {

/** Holds every value of a signed and an unsigned 64-bit variable. */
using Integer = __int128;

struct Constant {
  bpf_map* map;
  uint32_t offset;
  uint32_t size;
  const btf_type* type;
};

/** Finds `name` in the read-only data sections; collects the names passed on the way in `known`. */
std::optional<Constant> FindConstant(const bpf_object* object, const std::string& name,
                                     std::string* known) {
  const btf* types = bpf_object__btf(object);
  if (types == nullptr) return std::nullopt;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const btf_type* section = btf__type_by_id(types, bpf_map__btf_value_type_id(map));
    if (section == nullptr || !btf_is_datasec(section)) continue;
    const std::string sectionName = btf__name_by_offset(types, section->name_off);
    if (!sectionName.starts_with(".rodata")) continue;
    const btf_var_secinfo* variables = btf_var_secinfos(section);
    for (size_t i = 0; i < btf_vlen(section); ++i) {
      const btf_type* variable = btf__type_by_id(types, variables[i].type);
      const std::string variableName = btf__name_by_offset(types, variable->name_off);
      if (variableName == name) {
        return Constant{map, variables[i].offset, variables[i].size,
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
std::optional<Range> RangeOf(const Constant& constant) {
  if (constant.size > 8) return std::nullopt;
  const Integer beyond = Integer{1} << (8 * constant.size);
  if (btf_is_any_enum(constant.type)) return Range{-(beyond / 2), beyond - 1};
  if (!btf_is_int(constant.type)) return std::nullopt;
  if (btf_int_encoding(constant.type) & BTF_INT_BOOL) return Range{0, 1};
  if (btf_int_encoding(constant.type) & BTF_INT_SIGNED) return Range{-(beyond / 2), beyond / 2 - 1};
  return Range{0, beyond - 1};
}

}  // namespace

void SetConstant(Napi::Env env, const BpfFile& file, const std::string& name, Napi::Value value) {
  const std::string doing = "setting constant " + Quoted(name) + " of " + file.Label();
  const auto fail = [&](const std::string& cause) {
    return NativeError(env, {.doing = doing, .subject = name, .cause = cause});
  };
  std::string known;
  const auto constant = FindConstant(file.Object(), name, &known);
  if (!constant) throw fail("no such constant, only " + (known.empty() ? "none" : known));

  std::vector<uint8_t> bytes(constant->size, 0);
  if (value.IsNumber() || value.IsBigInt()) {
    const auto range = RangeOf(*constant);
    if (!range) throw fail("the variable is no integer; it takes bytes");
    const auto integer = IntegerOf(value);
    if (!integer || *integer < range->least || *integer > range->most) {
      throw fail(value.ToString().Utf8Value() + " does not fit its " +
                 std::to_string(constant->size) + " bytes");
    }
    const uint64_t word = static_cast<uint64_t>(*integer);
    std::memcpy(bytes.data(), &word, constant->size);
  } else if (value.IsTypedArray() &&
             value.As<Napi::TypedArray>().TypedArrayType() == napi_uint8_array) {
    const auto given = value.As<Napi::Uint8Array>();
    if (given.ByteLength() > constant->size) {
      throw fail(std::to_string(given.ByteLength()) + " bytes do not fit its " +
                 std::to_string(constant->size));
    }
    std::copy_n(given.Data(), given.ByteLength(), bytes.begin());
  } else {
    throw Napi::TypeError::New(env, "argument value must be a number, a bigint or a Uint8Array");
  }

  size_t size = 0;
  const void* section = bpf_map__initial_value(constant->map, &size);
  if (uint64_t{constant->offset} + constant->size > size) {
    throw fail("the BTF puts it beyond the end of its section");
  }
  std::vector<uint8_t> content(size);
  std::memcpy(content.data(), section, size);
  std::memcpy(content.data() + constant->offset, bytes.data(), bytes.size());
  const int error = -bpf_map__set_initial_value(constant->map, content.data(), size);
  if (error != 0) throw NativeError(env, {.doing = doing, .subject = name, .error = error});
}

}  // namespace ringtap
