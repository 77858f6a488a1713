#include "all_threads.h"

#include <dirent.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <mutex>
#include <set>
#include <system_error>
#include <thread>

namespace ringtap {

namespace {

/**
 * The signal by which the C library changes user ids in all threads (SIGSETXID of nptl). No other
 * reaches them all: pthread_sigmask never blocks this one, and Node has a thread that blocks what
 * can be blocked, the one that waits for SIGUSR1.
 */
constexpr int kSignal = 33;

/** How long a thread may take to answer. One that waits for a disk does not take signals. */
constexpr std::chrono::seconds kTimeout{5};
constexpr std::chrono::microseconds kPause{20};

/** struct sigaction as rt_sigaction takes it on x86-64 and arm64; sigaction() refuses the C
 * library's own signals. */
struct KernelAction {
  void (*handler)(int, siginfo_t*, void*);
  unsigned long flags;
  void (*restorer)();
  uint64_t mask;
};

constexpr int kPending = -1;

/** What the handler is to do, and how the thread that was asked last has answered. One caller at a
 * time. */
std::mutex caller;
std::atomic<int (*)()> wanted{nullptr};
std::atomic<int> answer{kPending};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<int (*)()>::is_always_lock_free);

void HandleSignal(int, siginfo_t* info, void*) {
  if (info->si_code != SI_TKILL || info->si_pid != getpid()) return;
  const int interrupted = errno;
  answer.store(wanted.load()());
  errno = interrupted;
}

[[noreturn]] void Throw(const char* doing) {
  throw std::system_error(errno, std::generic_category(), doing);
}

void SetAction(const KernelAction* action, KernelAction* earlier) {
  if (syscall(SYS_rt_sigaction, kSignal, action, earlier, sizeof(action->mask)) != 0) {
    Throw("setting a signal's handler");
  }
}

/** The C library's handler in place of ours, and back. It has flags and a restorer that fit. */
class Handler {
 public:
  Handler() {
    SetAction(nullptr, &earlier_);
    KernelAction ours = earlier_;
    ours.handler = HandleSignal;
    ours.flags |= SA_SIGINFO | SA_RESTART;
    SetAction(&ours, nullptr);
  }

  /** Not for the destructor: a thread that has not answered yet must not find the C library's
   * handler, which would expect a change of user ids that does not exist. */
  void Restore() { SetAction(&earlier_, nullptr); }

 private:
  KernelAction earlier_ = {};
};

std::set<pid_t> Threads() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/task"), closedir);
  if (folder == nullptr) Throw("listing /proc/self/task");
  std::set<pid_t> threads;
  while (const dirent* entry = readdir(folder.get())) {
    const pid_t thread = std::atoi(entry->d_name);
    if (thread > 0) threads.insert(thread);
  }
  return threads;
}

/** The answer of another thread, 0 when it has ended. */
int Ask(pid_t thread) {
  const pid_t process = getpid();
  answer.store(kPending);
  const auto deadline = std::chrono::steady_clock::now() + kTimeout;
  // The first signal is the request, the others (0) only test whether the thread still exists.
  for (int signal = kSignal; syscall(SYS_tgkill, process, thread, signal) == 0; signal = 0) {
    for (int attempt = 0; attempt < 100; ++attempt) {
      if (answer.load() != kPending) return answer.load();
      std::this_thread::sleep_for(kPause);
    }
    if (std::chrono::steady_clock::now() > deadline) return ETIMEDOUT;
  }
  return errno == ESRCH ? 0 : errno;
}

ThreadFailure FailureOf(pid_t thread, int error) {
  std::string name;
  std::getline(std::ifstream("/proc/self/task/" + std::to_string(thread) + "/comm"), name);
  return {.thread = thread, .name = name, .error = error};
}

}  // namespace

ThreadFailure InAllThreads(int (*action)()) {
  const std::lock_guard<std::mutex> lock(caller);
  wanted.store(action);
  const pid_t self = gettid();
  Handler handler;
  std::set<pid_t> done;
  // A thread that ends can hide its neighbour in the list from a reader: two passes must agree.
  for (int quiet = 0; quiet < 2; ++quiet) {
    for (const pid_t thread : Threads()) {
      if (!done.insert(thread).second) continue;
      quiet = -1;
      const int error = thread == self ? action() : Ask(thread);
      if (error != 0) return FailureOf(thread, error);
    }
  }
  handler.Restore();
  return {};
}

}  // namespace ringtap
