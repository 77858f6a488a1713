/** Labels of failed calls, which programs choose with the help of seccomp: they are limited, and none is lost. */
import assert from "node:assert/strict";
import { it } from "node:test";

import { Identity } from "../../../src/identity/identity.js";
import { Catalog } from "../../../src/metrics/catalog.js";
import { SyscallMetrics } from "../../../src/signals/syscall/metrics.js";
import { emptyContext } from "../context.js";

it("a program that fails its calls by every errno makes no more than some thousand series, and each failure counts", () => {
  const catalog = new Catalog({ seriesLimit: 1_000 });
  const identity = new Identity(catalog, ["pid", "comm"]);
  const context = {
    ...emptyContext(catalog, identity),
    map: () => assert.fail("no map is read"),
    counters: () => assert.fail("no counter is read"),
    scan: () => assert.fail("nothing is scanned"),
  };
  const metrics = new SyscallMetrics(context, ["all"]);
  const errors = [...catalog].find(({ name }) => name === "ringtap_syscall_errors_total");
  assert(errors?.type === "counter" && errors.detail !== undefined);
  const subject = identity.subjects.intern("7", "hostile");
  let added = 0;
  for (let nr = 0; nr < 20; nr++) {
    for (let errno = 1; errno < 4_096; errno++) {
      metrics.addErrors(subject, nr, errno, 1);
      added++;
    }
  }
  assert(errors.size < 10_000, `${errors.size} series`);
  assert(errors.detail.size < 10_000, `${errors.detail.size} pairs of labels`);
  let total = 0;
  for (let row = 0; row < errors.size; row++) {
    total += errors.values[row] as number;
  }
  assert.equal(total, added);
  assert.deepEqual(errors.detail.values(errors.detail.other), ["~other", "~other"]);
});
