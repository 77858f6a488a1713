#include "poll.h"

#include <node_api.h>
#include <uv.h>

#include "error.h"

namespace ringtap {

/** A uv_poll_t may be freed only after libuv ran its close callback, and only when the owner has
 * let go of it: whichever is later. */
struct Poll {
  explicit Poll(Napi::Env environment) : env(environment) {}

  Napi::Env env;
  uv_poll_t handle = {};
  Napi::FunctionReference callback;
  napi_async_cleanup_hook_handle hook = nullptr;
  bool owned = true;
  bool closed = false;
};

namespace {

void OnClosed(uv_handle_t* handle) {
  Poll* poll = static_cast<Poll*>(handle->data);
  poll->closed = true;
  if (poll->hook != nullptr) napi_remove_async_cleanup_hook(poll->hook);
  if (!poll->owned) delete poll;
}

void Stop(Poll* poll) {
  auto* handle = reinterpret_cast<uv_handle_t*>(&poll->handle);
  if (poll->closed || uv_is_closing(handle)) return;
  poll->callback.Reset();
  uv_close(handle, OnClosed);
}

/** A worker that is terminated with a watch open: its environment waits until OnClosed has removed
 * the hook. */
void OnEnvironmentExit(napi_async_cleanup_hook_handle, void* data) {
  Stop(static_cast<Poll*>(data));
}

void OnReadable(uv_poll_t* handle, int, int) {
  Poll* poll = static_cast<Poll*>(handle->data);
  const Napi::Env env = poll->env;
  const Napi::HandleScope scope(env);
  // The plain C calls: libuv's frames must not be unwound, and a worker being terminated cannot
  // make a Napi::Error.
  napi_value result;
  const napi_status status =
      napi_make_callback(env, nullptr, env.Global(), poll->callback.Value(), 0, nullptr, &result);
  if (status != napi_pending_exception) return;
  napi_value thrown;
  if (napi_get_and_clear_last_exception(env, &thrown) == napi_ok) napi_fatal_exception(env, thrown);
}

}  // namespace

PollHandle StartPoll(Napi::Env env, int fd, Napi::Function onReadable) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) != napi_ok) throw Napi::Error::New(env);
  auto memory = std::make_unique<Poll>(env);
  memory->handle.data = memory.get();
  const int error = uv_poll_init(loop, &memory->handle, fd);
  if (error != 0) {
    throw NativeError(env, {.doing = "watching a ring", .subject = "ring", .error = -error});
  }
  PollHandle poll(memory.release());
  uv_unref(reinterpret_cast<uv_handle_t*>(&poll->handle));
  if (napi_add_async_cleanup_hook(env, OnEnvironmentExit, poll.get(), &poll->hook) != napi_ok) {
    throw Napi::Error::New(env);
  }
  RedirectPoll(*poll, onReadable);
  uv_poll_start(&poll->handle, UV_READABLE, OnReadable);
  return poll;
}

void RedirectPoll(Poll& poll, Napi::Function onReadable) {
  poll.callback = Napi::Persistent(onReadable);
}

void ClosePoll::operator()(Poll* poll) const {
  poll->owned = false;
  if (poll->closed) {
    delete poll;
  } else {
    Stop(poll);
  }
}

}  // namespace ringtap
