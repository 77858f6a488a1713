#pragma once

#include <napi.h>

#include <string>

namespace ringtap {

/** What a NativeError of src/binding/native.ts is made of. */
struct Failure {
  /** What was being done, naming its object: `attaching program "on_exit" of tcp.bpf.o`. */
  std::string doing;
  /** The program, map or file that the call was about. */
  std::string subject;
  /** A positive errno (or libbpf's, from 4000 on); 0 where no system call failed. */
  int error = 0;
  /** Why, in words. Needed where `error` is 0; otherwise it goes before the errno's own text. */
  std::string cause = {};
};

/** Makes the error, with the log collected so far on this thread. To be thrown. */
Napi::Error NativeError(Napi::Env env, const Failure& failure);

/** `text` in double quotes, for messages that quote a value. */
std::string Quoted(const std::string& text);

}  // namespace ringtap
