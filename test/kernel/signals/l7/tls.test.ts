/** l7 within TLS: what nginx, wrk, curl and Node.js count of themselves and what ringtap counts are equal. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { connect, type TLSSocket } from "node:tls";
import { promisify } from "node:util";

import { startAgent, unlimitedSeries } from "../../support/agent.js";
import { eventually, slowness } from "../../support/eventually.js";
import { scratch } from "../../support/program.js";
import { select, sum } from "../../support/samples.js";
import { type Scope, suiteScope } from "../../support/scope.js";
import { end, freePort, listening } from "../../support/servers.js";
import { assertNothingLost, byStatus, certificate, counted, plaintext } from "../../support/tls.js";
import { startTrace } from "../../support/trace.js";

const targets = ["/index.html", "/big", "/none", "/no-content", "/moved", "/failing", "/index.html"];
const script = `
local targets, n = {${targets.map((target) => JSON.stringify(target)).join(",")}}, 0
request = function()
  n = n + 1
  return wrk.format(n % 11 == 0 and "POST" or "GET", targets[n % #targets + 1])
end`;

/** More than the buffers of two sockets take. */
const hugeSize = 16 * 2 ** 20;

/** What nginx has written of a request. */
interface Logged {
  readonly status: number;
  readonly received: number;
  readonly sent: number;
}

async function startNginx(scope: Scope) {
  const folder = scratch("nginx");
  mkdirSync(folder, { recursive: true });
  const { cert, key } = certificate(folder);
  const port = await freePort();
  writeFileSync(`${folder}/index.html`, "x".repeat(612));
  writeFileSync(`${folder}/big`, "y".repeat(300_000));
  writeFileSync(`${folder}/huge`, "z".repeat(hugeSize));
  writeFileSync(`${folder}/mixed.lua`, script);
  writeFileSync(
    `${folder}/nginx.conf`,
    `user root; daemon off; worker_processes 1; error_log stderr crit; pid ${folder}/nginx.pid;
events { worker_connections 256; }
http {
  log_format counts '$status $request_length $bytes_sent'; access_log ${folder}/access.log counts;
  sendfile on; keepalive_requests 100;
  client_body_temp_path ${folder}/body; proxy_temp_path ${folder}/proxy; fastcgi_temp_path ${folder}/fastcgi;
  uwsgi_temp_path ${folder}/uwsgi; scgi_temp_path ${folder}/scgi;
  server {
    listen 127.0.0.1:${port} ssl; root ${folder};
    ssl_certificate ${cert}; ssl_certificate_key ${key}; ssl_session_cache shared:sessions:1m;
    location /no-content { return 204; }
    location /moved { return 301 /; }
    location /failing { return 503 "no"; }
  }
}
`,
  );
  const nginx = spawn("nginx", ["-p", folder, "-e", "stderr", "-c", `${folder}/nginx.conf`], { stdio: "inherit" });
  scope.after(() => end(nginx));
  await listening(port);
  const worker = await eventually(() => {
    const pid = Number(readFileSync(`/proc/${nginx.pid}/task/${nginx.pid}/children`, "utf8"));
    assert(pid > 0);
    return pid;
  });
  const log = (): Logged[] =>
    [...readFileSync(`${folder}/access.log`, "utf8").matchAll(/^(\d+) (\d+) (\d+)\n/gm)].map(([, ...numbers]) => {
      const [status = 0, received = 0, sent = 0] = numbers.map(Number);
      return { status, received, sent };
    });
  return {
    port,
    worker,
    cert,
    key,
    url: `https://127.0.0.1:${port}`,
    script: `${folder}/mixed.lua`,
    log,
    /** The same once it has written all of it. */
    async logged() {
      let known = -1;
      while (log().length !== known) {
        known = log().length;
        await setTimeout(200);
      }
      return log();
    },
  };
}

const total = (of: Readonly<Record<string, number>>): number =>
  Object.values(of).reduce((sum, count) => sum + count, 0);
/** What has come to counts. */
function difference(after: Record<string, number>, before: Record<string, number>): Record<string, number> {
  return Object.fromEntries(
    Object.entries(after)
      .map(([key, count]) => [key, count - (before[key] ?? 0)] as const)
      .filter(([, count]) => count !== 0),
  );
}

/** The library that a process uses. */
function libraryOf(pid: number): string {
  return / (\/\S*\/libssl\.so\.3\S*)$/m.exec(readFileSync(`/proc/${pid}/maps`, "utf8"))?.[1] ?? "";
}

/** A program of Node.js that answers with the status that it is asked for. */
const nodeServer = ({ cert, key }: { readonly cert: string; readonly key: string }, port: number): string =>
  `const { readFileSync } = require("node:fs");
const files = { cert: readFileSync(${JSON.stringify(cert)}), key: readFileSync(${JSON.stringify(key)}) };
require("node:https").createServer({ ...files, keepAliveTimeout: 600_000 }, (request, response) => {
  response.writeHead(Number(request.url.slice(1))).end("x".repeat(1000));
}).listen(${port}, "127.0.0.1");`;

/** One that asks it 200 times for four statuses, on eight connections. */
const nodeClient = (port: number): string =>
  `const { Agent, get } = require("node:https");
const agent = new Agent({ keepAlive: true, maxSockets: 8, rejectUnauthorized: false });
Promise.all(Array.from({ length: 200 }, (_, n) => new Promise((resolve, reject) => {
  const path = "/" + [200, 201, 404, 500][n % 4];
  get({ agent, port: ${port}, host: "127.0.0.1", path }, (response) => response.resume().once("end", resolve)).once("error", reject);
}))).then(() => agent.destroy());`;

/** Maps a file as if it were a library, and begins a TLS connection without OpenSSL: a ClientHello's first bytes. */
const mapper = `import mmap, socket, sys
file = open(sys.argv[1], "rb")
kept = mmap.mmap(file.fileno(), 0, flags=mmap.MAP_PRIVATE, prot=mmap.PROT_READ | mmap.PROT_EXEC)
connection = socket.create_connection(("127.0.0.1", int(sys.argv[2])))
connection.send(bytes([22, 3, 1, 0, 200, 1, 0, 0, 196, 3, 3]))
import time
time.sleep(60)`;

/** A connection to a port, once its handshake is over. */
async function connected(
  scope: Scope,
  port: number,
  session: Buffer | undefined,
  onSession: (session: Buffer) => void,
): Promise<TLSSocket> {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false, ...(session && { session }) });
  socket.on("session", onSession);
  scope.after(() => socket.destroy());
  await new Promise((resolve, reject) => socket.once("secureConnect", resolve).once("error", reject));
  return socket;
}

describe("requests within TLS", () => {
  const scope = suiteScope();
  const started = startNginx(scope);
  const tracing = started.then(async () => {
    const agent = await startAgent(scope, ["--signals=l7,tcp", "--l7.tls", "--ring.size=64KiB", ...unlimitedSeries]);
    // Nginx has the library, and this test itself is a program of Node.js, which has it within, unless Debian has built it.
    await eventually(() => {
      assert.match(agent.stderr, /TLS carries is seen[^\n]*libssl/);
      if (!process.config.variables.node_shared_openssl) {
        assert.match(agent.stderr, new RegExp(`TLS carries is seen[^\\n]*${realpathSync(process.execPath)}`));
      }
    });
    return agent;
  });

  it("are as many as nginx and wrk count, by status, and its bytes are those of its log", async () => {
    const nginx = await started;
    const agent = await tracing;
    const running = promisify(execFile)("wrk", ["-t1", "-c16", `-d${2 * slowness}s`, "-s", nginx.script, nginx.url]);
    const wrk = running.child.pid ?? 0;
    const { stdout } = await running;
    const logged = await nginx.logged();
    const samples = await agent.scrape();
    assert.deepEqual(
      byStatus(samples, "server", nginx.worker),
      counted(logged, ({ status }) => `${status}`),
    );
    const complete = select(samples, "http_client_request_duration_seconds_count", { pid: wrk });
    const whole = [...complete].filter(([series]) => !/error_type="[a-z]/.test(series));
    assert.equal(total(Object.fromEntries(whole)), Number(/^ *(\d+) requests in/m.exec(stdout)?.[1]));
    assertNothingLost(samples, nginx.worker);
    assertNothingLost(samples, wrk);
    const ofNginx = { pid: nginx.worker, protocol: "http", role: "server", kind: "parsed" };
    assert.equal(
      plaintext(samples, { ...ofNginx, direction: "received" }),
      logged.reduce((bytes, { received }) => bytes + received, 0),
    );
    assert(logged.length > 100 && Object.keys(counted(logged, ({ status }) => `${status}`)).length >= 5);
  });

  it("are counted of programs that begin later, with the library that others use", async () => {
    const nginx = await started;
    const agent = await tracing;
    const urls = ["/none", "/index.html", "/failing", "/index.html"].map((target) => `${nginx.url}${target}`);
    const running = promisify(execFile)("curl", ["-sk", "--http1.1", "-o", "/dev/null", ...urls]);
    await running;
    const samples = await agent.scrape();
    const curl = running.child.pid ?? 0;
    assert.deepEqual(byStatus(samples, "client", curl), { 200: 2, 404: 1, 503: 1 });
    assertNothingLost(samples, curl);
    assert.equal(sum(samples, "ringtap_l7_tls_connections_total", { pid: curl, seen: "whole" }), 1);
  });

  it("are counted in pipelines, resumed sessions and slow responses, from the program's memory too", async (t) => {
    const nginx = await started;
    const agent = await tracing;
    const before = await agent.scrape();
    const logged = (await nginx.logged()).length;
    const request = (target: string, last = false): string =>
      `GET ${target} HTTP/1.1\r\nHost: localhost\r\n${last ? "Connection: close\r\n" : ""}\r\n`;
    const pipeline = [
      ...Array.from({ length: 20 }, (_, n) => request(n % 3 === 0 ? "/none" : "/moved")),
      request("/huge", true),
    ];
    let session: Buffer | undefined;
    for (const isReused of [false, true]) {
      const socket = await connected(t, nginx.port, session, (ticket) => (session = ticket));
      assert.equal(socket.isSessionReused(), isReused);
      let received = 0;
      socket.on("data", (bytes: Buffer) => (received += bytes.length));
      socket.pause();
      socket.write(pipeline.join(""));
      // More than the buffers of the sockets take: nginx has to write again what has not been taken.
      await setTimeout(300);
      socket.resume();
      await new Promise((resolve) => socket.once("close", resolve));
      assert(received > hugeSize);
    }
    const statuses = { 200: 2, 301: 26, 404: 14 };
    assert.deepEqual(
      counted((await nginx.logged()).slice(logged), ({ status }) => `${status}`),
      statuses,
    );
    await eventually(async () => {
      const samples = await agent.scrape();
      for (const [role, pid] of [
        ["server", nginx.worker],
        ["client", process.pid],
      ] as const) {
        const seen = difference(byStatus(samples, role, pid), byStatus(before, role, pid));
        // The test itself reads metrics meanwhile.
        assert.deepEqual(role === "client" ? { ...seen, 200: 2 } : seen, statuses, role);
        assertNothingLost(samples, pid);
      }
    });
  });

  it("are counted of Node.js, at both ends", async (t) => {
    const nginx = await started;
    const agent = await tracing;
    const port = await freePort();
    const server = spawn(process.execPath, ["-e", nodeServer(nginx, port)], { stdio: "inherit" });
    t.after(() => end(server));
    await listening(port);
    const running = promisify(execFile)(process.execPath, ["-e", nodeClient(port)]);
    const client = running.child.pid ?? 0;
    await running;
    await eventually(async () => {
      const samples = await agent.scrape();
      for (const [role, pid] of [
        ["server", server.pid ?? 0],
        ["client", client],
      ] as const) {
        assert.deepEqual(byStatus(samples, role, pid), { 200: 50, 201: 50, 404: 50, 500: 50 }, role);
        assertNothingLost(samples, pid);
        assert.equal(sum(samples, "ringtap_l7_tls_connections_total", { pid, seen: "whole" }), 8, role);
      }
    });
  });

  it("are counted of a copy of the library in another mount namespace, once a connection has told of it", async (t) => {
    const nginx = await started;
    const agent = await tracing;
    const folder = scratch("copy");
    mkdirSync(folder, { recursive: true });
    const library = libraryOf(nginx.worker);
    const script = `mount -t tmpfs none ${folder} && cp ${library} ${folder}/copy && mount --bind ${folder}/copy ${library} &&
while read -r url; do curl -sk --http1.1 -o /dev/null "$url"; echo; done`;
    const shell = spawn("unshare", ["--mount", "sh", "-c", script], { stdio: ["pipe", "pipe", "inherit"] });
    t.after(() => shell.kill("SIGKILL"));
    const get = async (target: string): Promise<void> => {
      const done = new Promise((resolve) => shell.stdout.once("data", resolve));
      shell.stdin.write(`${nginx.url}${target}\n`);
      await done;
    };
    const ofCurl = async (): Promise<Record<string, number>> =>
      byStatus(await agent.scrape(), "client", { comm: "curl" });
    const before = await ofCurl();
    const connectionsBefore = sum(await agent.scrape(), "ringtap_l7_tls_connections_total", { comm: "curl" });
    // Curl may have ended by the time that the agent reads what it has mapped: then the next one reports the file.
    let reports = 0;
    const libraries = (): number => agent.stderr.match(/what TLS carries is seen[^\n]*libssl/g)?.length ?? 0;
    const known = libraries();
    await eventually(async () => {
      reports++;
      await get("/none");
      assert.equal(libraries(), known + 1, agent.stderr);
    });
    for (const target of ["/failing", "/index.html", "/failing"]) {
      await get(target);
    }
    const seen = difference(await ofCurl(), before);
    assert.deepEqual({ ...seen, 404: 0 }, { 200: 1, 404: 0, 503: 2 });
    // The first ones may have been seen as a whole, in part, or not at all: each is counted as what it was.
    await eventually(async () => {
      const connections = sum(await agent.scrape(), "ringtap_l7_tls_connections_total", { comm: "curl" });
      assert.equal(connections - connectionsBefore, reports + 3);
    });
    assert((seen[404] ?? 0) <= reports);
  });

  it("are shown by trace, with the ends of their connection", async (t) => {
    const nginx = await started;
    const trace = await startTrace(t, [
      "l7",
      "--l7.tls",
      "--output=json",
      "--where",
      `pid=${nginx.worker} status>=500`,
    ]);
    await trace.said(/TLS carries is seen[^\n]*libssl/);
    await promisify(execFile)("curl", ["-sk", "--http1.1", `${nginx.url}/failing`, `${nginx.url}/index.html`]);
    await eventually(() => {
      const events = trace
        .events()
        .map(({ protocol, role, operation, status, local_port }) => [
          ...[protocol, role, operation],
          ...[status, local_port],
        ]);
      assert.deepEqual(events, [["http", "server", "GET", 503, nginx.port]]);
    });
  });

  it("say in one line why a library is not attached to, whatever it says of itself", async (t) => {
    const agent = await tracing;
    const nginx = await started;
    const folder = scratch("hostile");
    mkdirSync(folder, { recursive: true });
    const bytes = readFileSync(libraryOf(nginx.worker));
    bytes.writeUInt16LE(0xffff, 60);
    writeFileSync(`${folder}/libssl.so.3`, bytes);
    const mapping = spawn("python3", ["-c", mapper, `${folder}/libssl.so.3`, `${nginx.port}`], {
      stdio: "inherit",
    });
    t.after(() => mapping.kill("SIGKILL"));
    await eventually(() => {
      assert.match(agent.stderr, /what TLS carries is not seen[^\n]*hostile\/libssl\.so\.3[^\n]*it has 65535 sections/);
    });
  });
});
