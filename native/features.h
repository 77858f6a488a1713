#pragma once

#include <bpf/libbpf.h>
#include <napi.h>

#include <optional>

namespace ringtap {

/**
 * Does the running kernel offer the helper to the program type, one that needs no hook? Loads a
 * program that only calls it: any other error of the verifier (the arguments are missing) means
 * that the helper is there. None, with errno set, when the kernel does not say.
 * libbpf_probe_bpf_helper() of libbpf 1.1 does not know one of the refusals, and answers yes to it.
 */
std::optional<bool> HasHelper(bpf_prog_type program, uint32_t helper);

/** Adds what needs no object: the version, the probes, the statistics switch, the clock. */
void DefineFeatures(Napi::Env env, Napi::Object exports);

}  // namespace ringtap
