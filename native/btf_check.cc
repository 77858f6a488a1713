#include "btf_check.h"

#include <bpf/btf.h>

#include <algorithm>
#include <cstdint>
#include <vector>

namespace ringtap {

namespace {

/** More types within types than any program has. */
constexpr int kDeepest = 1000;

class Checker {
 public:
  explicit Checker(const btf* types)
      : types_(types), count_(btf__type_cnt(types)), visits_(count_, Visit::kNone) {}

  std::string Fault() {
    for (uint32_t id = 1; id < count_; ++id) {
      if (!IsSound(btf__type_by_id(types_, id))) {
        return "type " + std::to_string(id) + " of its BTF is damaged";
      }
    }
    for (uint32_t id = 1; id < count_; ++id) {
      if (!Ends(id, 0)) return "type " + std::to_string(id) + " of its BTF contains itself";
    }
    return "";
  }

 private:
  enum class Visit : uint8_t { kNone, kUnderWay, kDone };

  bool HasName(uint32_t offset) const { return btf__name_by_offset(types_, offset) != nullptr; }
  bool HasType(uint32_t id) const { return id < count_; }

  /** Do all names and types that it names exist? libbpf has checked that it lies within the
   * section. */
  bool IsSound(const btf_type* type) const {
    if (type == nullptr || !HasName(type->name_off)) return false;
    const auto all = [type](const auto* items, const auto& isSound) {
      return std::all_of(items, items + btf_vlen(type), isSound);
    };
    switch (btf_kind(type)) {
      case BTF_KIND_INT:
      case BTF_KIND_FLOAT:
      case BTF_KIND_FWD:
        return true;
      case BTF_KIND_ARRAY:
        return HasType(btf_array(type)->type) && HasType(btf_array(type)->index_type);
      case BTF_KIND_STRUCT:
      case BTF_KIND_UNION:
        return all(btf_members(type), [this](const btf_member& member) {
          return HasName(member.name_off) && HasType(member.type);
        });
      case BTF_KIND_ENUM:
        return all(btf_enum(type),
                   [this](const struct btf_enum& item) { return HasName(item.name_off); });
      case BTF_KIND_ENUM64:
        return all(btf_enum64(type),
                   [this](const struct btf_enum64& item) { return HasName(item.name_off); });
      case BTF_KIND_FUNC_PROTO:
        return HasType(type->type) && all(btf_params(type), [this](const btf_param& parameter) {
                 return HasName(parameter.name_off) && HasType(parameter.type);
               });
      case BTF_KIND_FUNC:
        return HasType(type->type) && btf_is_func_proto(btf__type_by_id(types_, type->type));
      case BTF_KIND_DATASEC:
        return all(btf_var_secinfos(type), [this, type](const btf_var_secinfo& variable) {
          const btf_type* found = btf__type_by_id(types_, variable.type);
          const bool isKnown = found != nullptr && (btf_is_var(found) || btf_is_func(found));
          // Before the file is linked a section's size is 0.
          const uint64_t end = uint64_t{variable.offset} + variable.size;
          return isKnown && (type->size == 0 || end <= type->size);
        });
    }
    // Pointers, qualifiers, typedefs, tags and variables are of one other type.
    return HasType(type->type);
  }

  /** Does it contain only what ends, so that following it ends as well? A pointer contains
   * nothing. */
  bool Ends(uint32_t id, int depth) {
    if (id == 0 || visits_[id] == Visit::kDone) return true;
    if (visits_[id] == Visit::kUnderWay || depth > kDeepest) return false;
    visits_[id] = Visit::kUnderWay;
    const btf_type* type = btf__type_by_id(types_, id);
    bool ends = true;
    if (btf_is_composite(type)) {
      const btf_member* members = btf_members(type);
      ends = std::all_of(members, members + btf_vlen(type),
                         [&](const btf_member& member) { return Ends(member.type, depth + 1); });
    } else if (btf_is_array(type)) {
      ends = Ends(btf_array(type)->type, depth + 1);
    } else if (btf_is_mod(type) || btf_is_typedef(type) || btf_is_var(type)) {
      ends = Ends(type->type, depth + 1);
    }
    visits_[id] = Visit::kDone;
    return ends;
  }

  const btf* types_;
  uint32_t count_;
  std::vector<Visit> visits_;
};

}  // namespace

std::string FaultInBtf(const btf* types) { return types == nullptr ? "" : Checker(types).Fault(); }

}  // namespace ringtap
