/** How long a disk takes, from the request to its completion, by the program that asked. */
import { address, mark, tracepoint } from "ringtap/bpf";

const issued = mark("block_rq_issue", (e, h) => ({
  key: address(e.rq),
  keep: { bytes: e.rq.__data_len, comm: h.comm },
}));

// A completion runs in an interrupt, while an unrelated process runs: the process is that of the start.
export default tracepoint("block_rq_complete", (e, h) => {
  const start = h.since(issued, address(e.rq));
  return {
    name: "disk_latency",
    summary: "latency of disk requests, by program and disk",
    owner: "none",
    count: { by: { comm: start.kept.comm, disk: e.rq.q.disk.disk_name }, sum: { bytes: start.kept.bytes } },
    histogram: { of: start.elapsed, unit: "seconds" },
  };
});
