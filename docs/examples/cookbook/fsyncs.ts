/** How long fsync(2) and fdatasync(2) take, by file system. */
import { address, isSyscall, mark, peek, syscallArgument, tracepoint } from "ringtap/bpf";

const begun = mark("sys_enter", (e, h) => {
  // The file of the descriptor that is the first argument.
  const { fdt } = h.task.files;
  const file = h.at(peek(address(fdt.fd).add(syscallArgument(e, 0).mul(8)), "u64"), "struct file");
  return {
    where: isSyscall(e, h, "fsync", "fdatasync"),
    key: h.tid,
    keep: { file_system: file.f_inode.i_sb.s_type.name },
  };
});

export default tracepoint("sys_exit", (e, h) => {
  const start = h.since(begun, h.tid);
  return {
    name: "fsyncs",
    summary: "fsync and fdatasync, by file system",
    where: isSyscall(e, h, "fsync", "fdatasync"),
    histogram: { of: start.elapsed, unit: "seconds", by: { comm: h.comm, file_system: start.kept.file_system } },
  };
});
