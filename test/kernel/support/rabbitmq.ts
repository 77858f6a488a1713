/** A broker of Debian's RabbitMQ, with its own folder, ports and epmd, as a user without privileges. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { chownSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";

import { eventually } from "./eventually.js";
import type { Counts } from "./request-counts.js";
import type { Scope } from "./scope.js";
import { end, freePort, listening } from "./servers.js";

const versions = "/usr/lib/rabbitmq/lib";

/** nobody and nogroup. */
const user = { uid: 65_534, gid: 65_534 };

export interface RabbitMq {
  readonly port: number;
  /** The process that has the connections. */
  readonly pid: number;
  /** How many messages there have been, by the names of its counters, such as `received`. */
  counts(): Promise<Counts>;
}

/** The first child of a process. */
function childOf(pid: number): number {
  return Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8").split(" ")[0]);
}

export async function startRabbitMq(scope: Scope): Promise<RabbitMq> {
  const folder = mkdtempSync(`${tmpdir()}/ringtap-rabbitmq-`);
  scope.after(() => rmSync(folder, { recursive: true, force: true }));
  chownSync(folder, user.uid, user.gid);
  const [port, metricsPort, nodePort, epmdPort] = [
    await freePort(),
    await freePort(),
    await freePort(),
    await freePort(),
  ];
  const settings = [
    `listeners.tcp.1 = 127.0.0.1:${port}`,
    "prometheus.tcp.ip = 127.0.0.1",
    `prometheus.tcp.port = ${metricsPort}`,
    "vm_memory_high_watermark.absolute = 4GiB",
    "disk_free_limit.absolute = 1MB",
  ];
  writeFileSync(`${folder}/rabbitmq.conf`, `${settings.join("\n")}\n`);
  writeFileSync(`${folder}/plugins`, "[rabbitmq_prometheus].\n");
  const loopback = "127.0.0.1";
  const env = {
    ...{ PATH: process.env.PATH, HOME: folder, LANG: "C.UTF-8" },
    ...{ ERL_EPMD_PORT: `${epmdPort}`, ERL_EPMD_ADDRESS: loopback, RABBITMQ_DIST_PORT: `${nodePort}` },
    ...{ RABBITMQ_NODENAME: `ringtap${process.pid}@localhost`, RABBITMQ_MNESIA_BASE: `${folder}/mnesia` },
    ...{ RABBITMQ_LOG_BASE: folder, RABBITMQ_LOGS: `${folder}/log`, RABBITMQ_PID_FILE: `${folder}/pid` },
    ...{ RABBITMQ_CONFIG_FILE: `${folder}/rabbitmq.conf`, RABBITMQ_CONF_ENV_FILE: `${folder}/none` },
    ...{ RABBITMQ_ENABLED_PLUGINS_FILE: `${folder}/plugins` },
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
  };
  const options = { ...user, cwd: folder, env, stdio: "ignore" } as const;
  const epmd = spawn("epmd", ["-address", loopback, "-port", `${epmdPort}`], options);
  scope.after(() => end(epmd));
  await listening(epmdPort);
  const [version = ""] = readdirSync(versions).filter((name) => name.startsWith("rabbitmq_server-"));
  const server = spawn(`${versions}/${version}/sbin/rabbitmq-server`, [], options);
  scope.after(() => end(server));
  // Its start may take longer than one such wait.
  await eventually(() => assert.match(readFileSync(`${folder}/log`, "utf8"), /Feature flags/));
  await listening(port);
  await eventually(() => assert.match(readFileSync(`${folder}/log`, "utf8"), /Server startup complete/));
  return {
    port,
    pid: childOf(server.pid ?? 0),
    async counts() {
      const text = await (await fetch(`http://${loopback}:${metricsPort}/metrics`)).text();
      const counts: Counts = {};
      for (const [, name = "", count] of text.matchAll(/^rabbitmq_global_messages_(\w+)_total\{[^}]*\} (\S+)$/gm)) {
        counts[name] = (counts[name] ?? 0) + Number(count);
      }
      return counts;
    },
  };
}
