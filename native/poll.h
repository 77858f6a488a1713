#pragma once

#include <napi.h>

#include <memory>

namespace ringtap {

struct Poll;

/** Stops the poll and closes its uv handle; libuv frees it on a later turn of the loop. */
struct ClosePoll {
  void operator()(Poll* poll) const;
};
using PollHandle = std::unique_ptr<Poll, ClosePoll>;

/**
 * Calls `onReadable` on the environment's own loop while `fd` polls readable. Does not keep the
 * loop alive. What the callback throws becomes an uncaughtException. Throws when the descriptor
 * cannot be polled.
 */
PollHandle StartPoll(Napi::Env env, int fd, Napi::Function onReadable);

/** Replaces the callback of a running poll. */
void RedirectPoll(Poll& poll, Napi::Function onReadable);

}  // namespace ringtap
