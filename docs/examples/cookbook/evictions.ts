/** Pages that leave the page cache, by the program that makes them and the file system. */
import { tracepoint } from "ringtap/bpf";

// As mapped files are truncated, deleted or written past, and as memory is reclaimed: by kswapd or the task that needs some (mm/filemap.c).
export default tracepoint("mm_filemap_delete_from_page_cache", (e, h) => ({
  name: "evictions",
  summary: "folios that leave the page cache, by file system",
  count: { by: { file_system: e.folio.mapping.host.i_sb.s_type.name, cgroup: h.cgroup } },
}));
