#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <string>

#include "bpf_file.h"

namespace ringtap {

/**
 * Writes the `const volatile` variable `name` of an object that is not loaded yet. A number or
 * bigint must fit the variable's type; bytes must fit its size, the rest is zeroed.
 */
void SetConstant(Napi::Env env, const BpfFile& file, const std::string& name, Napi::Value value);

/**
 * The same for a variable that is not constant, of an object that is loaded: programs that run
 * meanwhile find each word of it as it was or as it will be.
 */
void SetVariable(Napi::Env env, const BpfFile& file, const std::string& name, Napi::Value value);

}  // namespace ringtap
