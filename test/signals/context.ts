/** What a signal is given at its start, without a kernel. */
import type { BpfMap } from "../../src/binding/native.js";
import type { Identity } from "../../src/identity/identity.js";
import type { Catalog } from "../../src/metrics/catalog.js";
import type { Counters } from "../../src/sdk/counters.js";
import { defaultHost } from "../../src/sdk/host.js";
import type { SignalContext } from "../../src/sdk/signal.js";

const silent = (): void => undefined;

/** A kernel in which nothing was there before: its maps are empty, its scans find nothing. */
export function emptyContext(catalog: Catalog, identity: Identity): SignalContext {
  const map = {
    info: { maxEntries: 1024, keySize: 8, valueSize: 8 },
    keys: new ArrayBuffer(0),
    values: new ArrayBuffer(0),
    readAll: () => 0,
    set: silent,
  } as unknown as BpfMap;
  const counters = (name: string): Counters => ({
    name,
    size: 0,
    capacity: 0,
    memoryAtLimit: 0,
    readSome: () => false,
  });
  return {
    metrics: catalog,
    identity,
    host: defaultHost,
    hook: "tp_btf",
    map: () => map,
    counters,
    isLoaded: () => true,
    scan: () => ({ run: () => Promise.resolve(0) }),
    attachUprobes: () => ({ detach: silent }),
    sideRing: () => ({ drain: () => 0, isUsed: false }),
    log: { info: silent, warn: silent, error: silent },
    signal: new AbortController().signal,
    clock: { monotonic: () => 0, wall: () => 0 },
  };
}
