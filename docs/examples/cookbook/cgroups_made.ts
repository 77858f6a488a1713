/** Control groups that have been made and removed, and how many are there of those since the agent began. */
import { on, tracepoints } from "ringtap/bpf";

export default tracepoints({ name: "cgroups_made", summary: "control groups made and removed" }, [
  on("cgroup_mkdir", (e, h) => ({
    count: { name: "cgroups_made_total", by: { comm: h.comm } },
    gauge: { add: 1, by: { hierarchy: e.cgrp.root.hierarchy_id } },
    record: { path: e.path, is_made: e.cgrp.level.ge(0) },
  })),
  on("cgroup_rmdir", (e, h) => ({
    count: { name: "cgroups_removed_total", by: { comm: h.comm } },
    gauge: { add: -1, by: { hierarchy: e.cgrp.root.hierarchy_id } },
  })),
]);
