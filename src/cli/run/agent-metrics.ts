/** Metrics of the agent itself, beside those of its signals and of its process. */
import { machine, release } from "node:os";
import { Counter, Gauge, type Registry } from "prom-client";
import type { LiveStreamStatus } from "../../http/live-stream.js";
import type { Identity } from "../../identity/identity.js";
import { native } from "../../binding/native.js";
import type { ReloadStatus } from "./reload.js";
import { version } from "../version.js";

/** Adds what runs: `ringtap_build_info`. */
export function registerBuildInfo(registry: Registry): void {
  const labels = { version, libbpf: native.libbpfVersion, kernel: release(), arch: machine() };
  new Gauge({
    name: "ringtap_build_info",
    help: "1; its labels say what runs.",
    labelNames: Object.keys(labels),
    registers: [registry],
  }).set(labels, 1);
}

/** Adds what there is to know of the process table: how full it is. */
export function registerIdentityMetrics(registry: Registry, identity: Identity): void {
  const registers = [registry];
  new Gauge({
    name: "ringtap_identities",
    help: "Processes under one of their names that are remembered: those that run, and exited ones with series.",
    registers,
    collect() {
      this.set(identity.actors);
    },
  });
  new Gauge({
    name: "ringtap_identities_limit",
    help: "Processes that may be remembered before the events of further ones are counted as ~other.",
    registers,
    collect() {
      this.set(identity.limit);
    },
  });
  new Counter({
    name: "ringtap_identities_folded_total",
    help: "Times that a process found no room among the remembered ones, and was taken for ~other.",
    registers,
    collect() {
      this.reset();
      this.inc(identity.folded);
    },
  });
}

/** Adds how the last reload of the options went, as Prometheus tells it of its own configuration. */
export function registerReloadMetrics(registry: Registry, status: () => ReloadStatus): void {
  const registers = [registry];
  new Gauge({
    name: "ringtap_config_last_reload_successful",
    help: "1 when the last reload of the configuration succeeded, or there was none; 0 when it was refused.",
    registers,
    collect() {
      this.set(status().successful ? 1 : 0);
    },
  });
  new Gauge({
    name: "ringtap_config_last_reload_success_timestamp_seconds",
    help: "When the configuration was taken over last, at the start or by a reload.",
    registers,
    collect() {
      this.set(status().succeededAt / 1000);
    },
  });
}

/** Adds who looks at the page, and what those miss who are slow. */
export function registerPageMetrics(registry: Registry, status: () => LiveStreamStatus): void {
  const registers = [registry];
  new Gauge({
    name: "ringtap_page_viewers",
    help: "Pages that are open and fed.",
    registers,
    collect() {
      this.set(status().viewers);
    },
  });
  const counts: readonly (readonly [keyof LiveStreamStatus, string, string])[] = [
    ["frames", "ringtap_page_frames_total", "Looks at the agent that were sent to a page."],
    [
      "framesDropped",
      "ringtap_page_frames_dropped_total",
      "Looks that a page missed because it took the earlier ones too slowly.",
    ],
    ["refused", "ringtap_page_viewers_refused_total", "Pages that were not fed because there were too many."],
  ];
  for (const [key, name, help] of counts) {
    new Counter({
      name,
      help,
      registers,
      collect() {
        this.reset();
        this.inc(status()[key]);
      },
    });
  }
}
