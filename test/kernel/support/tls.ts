/** What tests of TLS share: certificates, and what ringtap counts of a process. */
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";

import { type Samples, select, sum } from "./samples.js";

/** A certificate for localhost: its file, and that of its key. */
export function certificate(folder: string): { readonly cert: string; readonly key: string } {
  const [cert, key] = [`${folder}/cert.pem`, `${folder}/key.pem`];
  const subject = ["-subj", "/CN=localhost", "-days", "2"];
  const args = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", ...subject];
  execFileSync("openssl", [...args, "-keyout", key, "-out", cert], { stdio: "pipe" });
  return { cert, key };
}

/** How many there are of each kind. */
export function counted<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) {
    counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  }
  return counts;
}

/** Requests of a role by status, of a process or of those with other labels. */
export function byStatus(
  samples: Samples,
  role: string,
  whose: number | Readonly<Record<string, string>>,
): Record<string, number> {
  const counts: Record<string, number> = {};
  const labels = typeof whose === "number" ? { pid: whose } : whose;
  for (const [series, count] of select(samples, `http_${role}_request_duration_seconds_count`, labels)) {
    const status = /http_response_status_code="(\d+)"/.exec(series)?.[1] ?? "none";
    counts[status] = (counts[status] ?? 0) + count;
  }
  return counts;
}

/** Bytes that TLS carries. */
export const plaintext = (samples: Samples, labels: Readonly<Record<string, string | number>>): number =>
  sum(samples, "ringtap_l7_tls_plaintext_bytes_total", labels);

/** Nothing of a process's requests and bytes within TLS is lost. */
export function assertNothingLost(samples: Samples, pid: number): void {
  assert.equal(sum(samples, "ringtap_l7_lost_requests_total", { pid }), 0);
  assert.equal(plaintext(samples, { pid, kind: "skipped" }), 0);
}
