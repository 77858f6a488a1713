#pragma once

#include <sys/types.h>

#include <string>

namespace ringtap {

/** A thread that did not carry out the action. */
struct ThreadFailure {
  pid_t thread = 0;
  /** Its comm. */
  std::string name;
  /** A positive errno: the action's own, or ETIMEDOUT when the thread did not answer. */
  int error = 0;
};

/**
 * Runs `action` once in every thread of the process, this one included, for what Linux keeps by
 * thread and POSIX by process. It runs in a signal handler: system calls and plain memory only. It
 * returns 0 or a positive errno. Threads that are made meanwhile are reached too; later ones have
 * what they inherit.
 *
 * Returns the first failure, its `thread` 0 when there was none. Throws std::system_error when the
 * threads cannot be listed or the handler cannot be set.
 */
ThreadFailure InAllThreads(int (*action)());

}  // namespace ringtap
