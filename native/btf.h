#pragma once

#include <bpf/btf.h>
#include <napi.h>

#include <string>

namespace ringtap {

/** The type behind typedefs, `const`, `volatile` and the like. */
const btf_type* PeelType(const btf* types, uint32_t id);

/** BtfStruct of the struct `name`; throws when there is none. `label` names the file. */
Napi::Value DescribeStruct(Napi::Env env, const btf* types, const std::string& label,
                           const std::string& name);

/** Names of the variables that start with `prefix`. */
Napi::Array ListVariables(Napi::Env env, const btf* types, const std::string& prefix);

/** BtfEnum of each named enum. */
Napi::Array ListEnums(Napi::Env env, const btf* types);

}  // namespace ringtap
