/** Metrics of the agent itself, beside those of its signals and of its process. */
import { machine, release } from "node:os";
import type { EventStreamStatus } from "../../http/event-stream.js";
import type { Identity } from "../../identity/identity.js";
import type { Catalog } from "../../metrics/catalog.js";
import { native } from "../../binding/native.js";
import type { ReloadStatus } from "./reload.js";
import { version } from "../version.js";

/** Declares what runs: `ringtap_build_info`. */
export function declareBuildInfo(catalog: Catalog): void {
  catalog.info("ringtap_build_info", "Always 1; the labels are the versions of ringtap, libbpf and the kernel.", {
    version,
    libbpf: native.libbpfVersion,
    kernel: release(),
    arch: machine(),
  });
}

/** Declares how full the process table is. */
export function declareIdentityMetrics(catalog: Catalog, identity: Identity): void {
  catalog.gauge({
    name: "ringtap_identities",
    help: "Processes in the process table, once for each name they had: running ones, and ended ones that still have series.",
    read: () => identity.actors,
  });
  catalog.gauge({
    name: "ringtap_identities_limit",
    help: "Processes that the process table can hold; events of further ones are counted under ~other.",
    read: () => identity.limit,
  });
  catalog.counter({
    name: "ringtap_identities_folded_total",
    help: "Times that a process was counted under ~other because the process table was full.",
    read: () => identity.overflowed,
  });
}

/** Declares how the last reload of the options went, as Prometheus does for its own configuration. */
export function declareReloadMetrics(catalog: Catalog, status: () => ReloadStatus): void {
  catalog.gauge({
    name: "ringtap_config_last_reload_successful",
    help: "1 if the last reload of the configuration succeeded or there was none, 0 if it was refused.",
    read: () => (status().successful ? 1 : 0),
  });
  catalog.gauge({
    name: "ringtap_config_last_reload_success_timestamp_seconds",
    help: "Unix time at which the current configuration was loaded.",
    read: () => status().succeededAt / 1000,
  });
}

/** Declares how many pages are open, and which updates did not get to them. */
export function declarePageMetrics(catalog: Catalog, status: () => EventStreamStatus): void {
  catalog.gauge({
    name: "ringtap_page_viewers",
    help: "Open pages that receive updates.",
    read: () => status().viewers,
  });
  catalog.counter({
    name: "ringtap_page_frames_total",
    help: "Updates sent to open pages, one a second to each.",
    read: () => status().frames,
  });
  catalog.counter({
    name: "ringtap_page_frames_dropped_total",
    help: "Updates not sent to a page because it had not yet received the earlier ones.",
    read: () => status().framesDropped,
  });
  catalog.counter({
    name: "ringtap_page_viewers_refused_total",
    help: "Pages that got no updates because the limit of open pages was reached.",
    read: () => status().refused,
  });
}
