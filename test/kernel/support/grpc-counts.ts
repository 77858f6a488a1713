/** Calls of gRPC as ringtap counts them. */
import { added, type Counts } from "./request-counts.js";
import { type Samples, select } from "./samples.js";

function labelOf(series: string, name: string): string {
  return new RegExp(`${name}="([^"]*)"`).exec(series)?.[1] ?? "";
}

/** Calls of a role by service, method and code, those that were cut off by how they were: `test.Echo/One 5`. */
export function byMethod(samples: Samples, role: string, pid: number): Counts {
  const counts: Counts = {};
  for (const [series, count] of select(samples, `rpc_${role}_duration_seconds_count`, { pid, rpc_system: "grpc" })) {
    const code = labelOf(series, "error_type") || labelOf(series, "rpc_grpc_status_code");
    const key = `${labelOf(series, "rpc_service")}/${labelOf(series, "rpc_method")} ${code}`;
    counts[key] = (counts[key] ?? 0) + count;
  }
  return counts;
}

/** Calls of a role by code, those that were cut off by how they were. */
export function byCode(samples: Samples, role: string, pid: number): Counts {
  return added(
    ...Object.entries(byMethod(samples, role, pid)).map(([key, count]) => ({
      [key.slice(key.lastIndexOf(" ") + 1)]: count,
    })),
  );
}

/** Calls and requests of a role by path: where the table of header fields is not known as a whole, a call may be a request to the program. */
export function byPath(samples: Samples, role: string, pid: number): Counts {
  const counts: Counts = {};
  for (const metric of [`rpc_${role}_duration_seconds_count`, `http_${role}_request_duration_seconds_count`]) {
    for (const [series, count] of select(samples, metric, { pid })) {
      const method = labelOf(series, "rpc_method");
      const path =
        method === "" ? labelOf(series, "(?:http_route|url_template)") : `/${labelOf(series, "rpc_service")}/${method}`;
      counts[path] = (counts[path] ?? 0) + count;
    }
  }
  return counts;
}

/** Counts by code as those of a method of a service. */
export function ofMethod(service: string, method: string, counts: Counts): Counts {
  return Object.fromEntries(Object.entries(counts).map(([code, count]) => [`${service}/${method} ${code}`, count]));
}
