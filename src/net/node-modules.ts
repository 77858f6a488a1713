/**
 * Modules of Node that an agent without TLS, users, Kubernetes and visitors of its page does without: each is loaded when it is first
 * used, since it takes Node some milliseconds of the start.
 */
import type * as Crypto from "node:crypto";
import type * as Http from "node:http";
import type * as Https from "node:https";
import { createRequire } from "node:module";
import type * as Tls from "node:tls";
import type * as Workers from "node:worker_threads";

const load = createRequire(import.meta.url);

export const node = {
  get crypto(): typeof Crypto {
    return load("node:crypto") as typeof Crypto;
  },
  get http(): typeof Http {
    return load("node:http") as typeof Http;
  },
  get https(): typeof Https {
    return load("node:https") as typeof Https;
  },
  get tls(): typeof Tls {
    return load("node:tls") as typeof Tls;
  },
  get workers(): typeof Workers {
    return load("node:worker_threads") as typeof Workers;
  },
} as const;
