/** Caddy, a server in Go, without symbols as Debian has it: with TLS, and as a proxy that has TLS on its other side. */
import { spawn } from "node:child_process";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";

import { scratch } from "./program.js";
import type { Scope } from "./scope.js";
import { end, freePort, listening } from "./servers.js";
import { certificate } from "./tls.js";

export interface Caddy {
  readonly pid: number;
  readonly port: number;
  readonly url: string;
  /** The port of its proxy, in cleartext, whose requests it passes on to itself by TLS. */
  readonly proxy: number;
  /** What its log has of each request to the server, once it has written all. */
  logged(): Promise<readonly Logged[]>;
}

export interface Logged {
  readonly status: number;
  readonly protocol: string;
}

interface LogLine {
  readonly status: number;
  readonly request: { readonly proto: string };
}

/** Starts it; `upstream` are options of the proxy's connections, in its own language. */
export async function startCaddy(scope: Scope, upstream = ""): Promise<Caddy> {
  const folder = scratch("caddy");
  mkdirSync(folder, { recursive: true });
  const { cert, key } = certificate(folder);
  const [port, proxy] = [await freePort(), await freePort()];
  writeFileSync(`${folder}/index.html`, "x".repeat(612));
  writeFileSync(`${folder}/big`, "y".repeat(300_000));
  writeFileSync(
    `${folder}/Caddyfile`,
    `{
  admin off
  auto_https off
  default_sni localhost
  grace_period 1s
  servers {
    protocols h1 h2
  }
}
https://:${port} {
  bind 127.0.0.1
  tls ${cert} ${key}
  log {
    output file ${folder}/access.json {
      roll_disabled
    }
  }
  redir /moved / 301
  respond /no-content 204
  respond /failing "no" 503
  file_server {
    root ${folder}
  }
}
http://:${proxy} {
  bind 127.0.0.1
  reverse_proxy https://127.0.0.1:${port} {
    transport http {
      tls_insecure_skip_verify
      ${upstream}
    }
  }
}
`,
  );
  const caddy = spawn("caddy", ["run", "--adapter", "caddyfile", "--config", `${folder}/Caddyfile`], {
    stdio: "ignore",
    env: { ...process.env, HOME: folder, XDG_DATA_HOME: folder, XDG_CONFIG_HOME: folder },
  });
  scope.after(() => end(caddy));
  await listening(port);
  await listening(proxy);
  const log = (): Logged[] =>
    readFileSync(`${folder}/access.json`, "utf8")
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as LogLine)
      .map(({ status, request }) => ({ status, protocol: request.proto }));
  return {
    pid: caddy.pid ?? 0,
    port,
    url: `https://127.0.0.1:${port}`,
    proxy,
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
