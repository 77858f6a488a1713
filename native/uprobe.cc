#include "uprobe.h"

#include <bpf/bpf.h>
#include <linux/bpf.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

namespace ringtap {

namespace {

/** include/uapi/linux/bpf.h of Linux 6.6: BPF_TRACE_UPROBE_MULTI, BPF_F_UPROBE_MULTI_RETURN. */
constexpr auto kUprobeMulti = static_cast<bpf_attach_type>(48);
constexpr uint32_t kAtReturn = 1;

/** What BPF_LINK_CREATE takes for such a link, as that file has it. */
struct UprobeMulti {
  uint32_t program;
  uint32_t target;
  uint32_t attach_type;
  uint32_t link_flags;
  uint64_t path;
  uint64_t offsets;
  uint64_t reference_counters;
  uint64_t cookies;
  uint32_t count;
  uint32_t flags;
  uint32_t pid;
  uint32_t padding;
};

uint64_t Address(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer); }

FileDescriptor AttachMulti(int program, const UprobePlaces& places) {
  const std::vector<uint64_t> offsets(places.offsets.begin(), places.offsets.end());
  const std::vector<uint64_t> cookies(places.cookies.begin(), places.cookies.end());
  UprobeMulti link = {};
  link.program = static_cast<uint32_t>(program);
  link.attach_type = kUprobeMulti;
  link.path = Address(places.path.c_str());
  link.offsets = Address(offsets.data());
  link.cookies = Address(cookies.data());
  link.count = static_cast<uint32_t>(offsets.size());
  link.flags = places.at_return ? kAtReturn : 0;
  return FileDescriptor(static_cast<int>(syscall(SYS_bpf, BPF_LINK_CREATE, &link, sizeof(link))));
}

std::vector<Link> AttachEach(const bpf_program* program, const UprobePlaces& places) {
  std::vector<Link> links;
  for (size_t n = 0; n < places.offsets.size(); ++n) {
    LIBBPF_OPTS(bpf_uprobe_opts, options, .bpf_cookie = places.cookies[n],
                .retprobe = places.at_return);
    Link link(bpf_program__attach_uprobe_opts(program, -1, places.path.c_str(), places.offsets[n],
                                              &options));
    if (link == nullptr) return {};
    links.push_back(std::move(link));
  }
  return links;
}

/** Whether the kernel has such links: where it has, it finds that a folder is no file (EBADF). */
bool ProbeMulti() {
  // So that tests can attach as on older kernels.
  if (std::getenv("RINGTAP_NO_UPROBE_MULTI") != nullptr) return false;
  bpf_insn nothing[2] = {};
  nothing[0].code = BPF_ALU64 | BPF_MOV | BPF_K;
  nothing[1].code = BPF_JMP | BPF_EXIT;
  LIBBPF_OPTS(bpf_prog_load_opts, options, .expected_attach_type = kUprobeMulti);
  const FileDescriptor program(
      bpf_prog_load(BPF_PROG_TYPE_KPROBE, "ringtap_probe", "GPL", nothing, 2, &options));
  if (!program) return false;
  const uint32_t zero = 0;
  const UprobePlaces places = {"/", {&zero, 1}, {&zero, 1}, false};
  return !AttachMulti(program.Get(), places) && errno == EBADF;
}

}  // namespace

bool HasUprobeMulti() {
  static const bool answer = ProbeMulti();
  return answer;
}

void PrepareUprobes(bpf_object* object) {
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, object) {
    if (std::string_view(bpf_program__section_name(program)) != "uprobe.multi") continue;
    bpf_program__set_type(program, BPF_PROG_TYPE_KPROBE);
    if (HasUprobeMulti()) bpf_program__set_expected_attach_type(program, kUprobeMulti);
  }
}

std::unique_ptr<Uprobes> AttachUprobes(const bpf_program* program, const UprobePlaces& places,
                                       int& error) {
  auto uprobes = std::make_unique<Uprobes>();
  if (HasUprobeMulti()) {
    uprobes->multi = AttachMulti(bpf_program__fd(program), places);
    if (uprobes->multi) return uprobes;
  } else {
    uprobes->each = AttachEach(program, places);
    if (!uprobes->each.empty()) return uprobes;
  }
  error = errno;
  return nullptr;
}

}  // namespace ringtap
