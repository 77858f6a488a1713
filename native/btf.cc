#include "btf.h"

#include <algorithm>

#include "error.h"

namespace ringtap {

namespace {

std::string NameOf(const btf* types, const btf_type* type) {
  return btf__name_by_offset(types, type->name_off);
}

/** Calls `visit(type)` for each type of the object itself (split BTF: not those of its base). */
template <typename Visit>
void ForEachType(const btf* types, Visit visit) {
  if (types == nullptr) return;
  for (uint32_t id = 1; id < btf__type_cnt(types); ++id) visit(btf__type_by_id(types, id));
}

/**
 * Has the enum a negative value? Clang says it only since version 16 (the kind flag), so the values
 * of a 32-bit enum decide: none of them is taken for a number from 2^31 on.
 */
bool IsSigned(const btf_type* type) {
  if (btf_is_enum64(type)) return btf_kflag(type);
  const struct btf_enum* values = btf_enum(type);
  return std::any_of(values, values + btf_vlen(type),
                     [](const auto& item) { return item.val < 0; });
}

/** What a member, or an array's element, is. */
struct Shape {
  const char* kind;
  uint32_t size;
  bool isSigned;
  std::string name;
};

constexpr const char* kUnsupported = "unsupported";

Shape ShapeOf(const btf* types, uint32_t id) {
  const btf_type* type = PeelType(types, id);
  const int64_t resolved = btf__resolve_size(types, id);
  const uint32_t size = resolved < 0 ? 0 : static_cast<uint32_t>(resolved);
  const std::string name = NameOf(types, type);
  switch (btf_kind(type)) {
    case BTF_KIND_INT: {
      if (btf_int_offset(type) != 0 || btf_int_bits(type) != 8 * size) break;
      // Plain char is text: whether it is signed differs between compilers and architectures.
      const bool isSigned = (btf_int_encoding(type) & BTF_INT_SIGNED) && name != "char";
      return {"int", size, isSigned, name};
    }
    case BTF_KIND_ENUM:
    case BTF_KIND_ENUM64:
      return {"enum", size, IsSigned(type), name};
    case BTF_KIND_STRUCT:
      return {"struct", size, false, name};
    case BTF_KIND_ARRAY:
      return {"array", size, false, name};
  }
  return {kUnsupported, size, false, name};
}

Napi::Object DescribeMember(Napi::Env env, const btf* types, const btf_type* owner,
                            uint32_t number) {
  const btf_member& member = btf_members(owner)[number];
  Shape shape = ShapeOf(types, member.type);
  Shape element = shape;
  uint32_t count = 1;
  if (std::string_view(shape.kind) == "array") {
    const struct btf_array* array = btf_array(PeelType(types, member.type));
    element = ShapeOf(types, array->type);
    count = array->nelems;
    const std::string_view kind = element.kind;
    if (kind != "int" && kind != "enum") shape.kind = kUnsupported;
  }
  if (btf_member_bitfield_size(owner, number) != 0) shape.kind = kUnsupported;
  Napi::Object description = Napi::Object::New(env);
  description.Set("name", btf__name_by_offset(types, member.name_off));
  description.Set("offset", btf_member_bit_offset(owner, number) / 8);
  description.Set("size", shape.size);
  description.Set("kind", shape.kind);
  description.Set("signed", Napi::Boolean::New(env, element.isSigned));
  description.Set("count", count);
  description.Set("elementSize", element.size);
  description.Set("typeName", element.name);
  return description;
}

Napi::Object DescribeType(Napi::Env env, const btf* types, const btf_type* type) {
  const uint32_t count = btf_vlen(type);
  Napi::Array members = Napi::Array::New(env, count);
  for (uint32_t i = 0; i < count; ++i) members.Set(i, DescribeMember(env, types, type, i));
  Napi::Object description = Napi::Object::New(env);
  description.Set("name", NameOf(types, type));
  description.Set("size", type->size);
  description.Set("members", members);
  return description;
}

/** One enumerator; values beyond 2^53 lose precision. */
Napi::Object DescribeEnumerator(Napi::Env env, const btf* types, const btf_type* type,
                                uint32_t number) {
  uint32_t name = 0;
  double value = 0;
  if (btf_is_enum64(type)) {
    const struct btf_enum64* item = btf_enum64(type) + number;
    const uint64_t bits = btf_enum64_value(item);
    name = item->name_off;
    value = btf_kflag(type) ? static_cast<double>(static_cast<int64_t>(bits))
                            : static_cast<double>(bits);
  } else {
    const struct btf_enum* item = btf_enum(type) + number;
    name = item->name_off;
    value = item->val;
  }
  Napi::Object description = Napi::Object::New(env);
  description.Set("name", btf__name_by_offset(types, name));
  description.Set("value", value);
  return description;
}

}  // namespace

const btf_type* PeelType(const btf* types, uint32_t id) {
  const btf_type* type = btf__type_by_id(types, id);
  while (btf_is_mod(type) || btf_is_typedef(type)) type = btf__type_by_id(types, type->type);
  return type;
}

Napi::Value DescribeStruct(Napi::Env env, const btf* types, const std::string& label,
                           const std::string& name) {
  const int32_t id = types == nullptr || name.empty()
                         ? -1
                         : btf__find_by_name_kind(types, name.c_str(), BTF_KIND_STRUCT);
  if (id < 0) {
    throw NativeError(env, {.doing = "describing struct " + Quoted(name) + " of " + label,
                            .subject = name,
                            .cause = "no such struct in its BTF"});
  }
  return DescribeType(env, types, btf__type_by_id(types, id));
}

Napi::Array ListVariables(Napi::Env env, const btf* types, const std::string& prefix) {
  Napi::Array names = Napi::Array::New(env);
  ForEachType(types, [&](const btf_type* type) {
    if (!btf_is_var(type)) return;
    const std::string name = NameOf(types, type);
    if (name.starts_with(prefix)) names.Set(names.Length(), name);
  });
  return names;
}

Napi::Array ListEnums(Napi::Env env, const btf* types) {
  Napi::Array enums = Napi::Array::New(env);
  ForEachType(types, [&](const btf_type* type) {
    if (!btf_is_any_enum(type) || type->name_off == 0) return;
    const uint32_t count = btf_vlen(type);
    Napi::Array values = Napi::Array::New(env, count);
    for (uint32_t i = 0; i < count; ++i) values.Set(i, DescribeEnumerator(env, types, type, i));
    Napi::Object description = Napi::Object::New(env);
    description.Set("name", NameOf(types, type));
    description.Set("values", values);
    enums.Set(enums.Length(), description);
  });
  return enums;
}

}  // namespace ringtap
