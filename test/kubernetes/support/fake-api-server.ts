/** A Kubernetes API server over HTTPS that lists and watches as the real one does, and fails on demand. */
import { writeFileSync } from "node:fs";
import type { IncomingMessage, ServerResponse } from "node:http";
import { createServer, type Server } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import { join } from "node:path";

import { createAuthority } from "../../http/certificates.js";
import type { Scope } from "../../kernel/support/scope.js";
import {
  ApiCollection,
  kinds,
  type Manifest,
  type ResourceName,
  type StoredEvent,
  type StoredObject,
} from "./api-store.js";

export interface FakeApiServerOptions {
  readonly pods?: readonly Manifest[];
  readonly services?: readonly Manifest[];
  readonly endpointSlices?: readonly Manifest[];
  /** An IP address of this machine. Default 127.0.0.1. */
  readonly host?: string;
}

/** What goes wrong until it is set back. */
export interface Faults {
  /** Instead of an answer; by what is asked for. */
  listStatus: number | undefined;
  watchStatus: number | undefined;
  /** Resources that may not be read: 403. */
  readonly forbidden: Set<ResourceName>;
  /** Milliseconds before each answer. */
  delay: number;
  /** How a watch from a forgotten version is refused. */
  gone: "status" | "event";
  /** Ends each list in the middle of its text. */
  cutLists: boolean;
}

/** A request that was made. */
export interface SeenRequest {
  readonly resource: string;
  readonly query: URLSearchParams;
  readonly status: number;
}

export interface FakeApiServer {
  readonly url: string;
  readonly tokenFile: string;
  readonly caFile: string;
  readonly faults: Faults;
  /** All requests that were answered, oldest first. */
  readonly requests: readonly SeenRequest[];
  /** Watches that are open now. */
  watches(resource: ResourceName): number;
  put(resource: ResourceName, manifest: Manifest): StoredObject;
  delete(resource: ResourceName, name: string, namespace?: string): void;
  /** Sends a bookmark on all watches, those aside that did not ask for them. */
  bookmark(): void;
  /** Forgets all history, so that watches from before, and lists that are under way, are answered by 410. */
  compact(): void;
  /** Writes text on all watches of a resource, as it is. */
  sendRaw(resource: ResourceName, text: string): void;
  /** Cuts all connections. */
  disconnect(): void;
  /** Accepts another token from now on; the file has it when `tellsClient` says so. */
  changeToken(tellsClient: boolean): void;
  /** Is not there any more, until {@link up}. */
  down(): Promise<void>;
  up(): Promise<void>;
}

interface Watch {
  readonly resource: ResourceName;
  readonly response: ServerResponse;
  readonly wantsBookmarks: boolean;
}

/** A list that is handed out in pages. */
interface Snapshot {
  readonly objects: readonly StoredObject[];
  readonly version: number;
}

/** Does `fieldSelector` choose the object? Equality, of one field. */
function isSelected(object: StoredObject | undefined, selector: string | null): boolean {
  if (selector === null || object === undefined) {
    return object !== undefined;
  }
  const [path = "", wanted] = selector.split("=");
  let value: unknown = object;
  for (const key of path.split(".")) {
    value = (value as Record<string, unknown> | undefined)?.[key];
  }
  return value === wanted;
}

/** An event as a watch with a selector sees it: an object may come into its view, or go out of it. */
function eventInView({ type, object, before }: StoredEvent, selector: string | null): string | undefined {
  const wasSeen = isSelected(before, selector);
  const isSeen = type !== "DELETED" && isSelected(object, selector);
  if (!wasSeen && !isSeen) {
    return undefined;
  }
  return JSON.stringify({ type: !isSeen ? "DELETED" : wasSeen ? "MODIFIED" : "ADDED", object });
}

function statusObject(code: number, message: string): string {
  return JSON.stringify({ kind: "Status", apiVersion: "v1", status: "Failure", message, code });
}

/** Starts a server that goes when `scope` ends. */
export async function startFakeApiServer(scope: Scope, options: FakeApiServerOptions = {}): Promise<FakeApiServer> {
  const host = options.host ?? "127.0.0.1";
  const authority = createAuthority(scope);
  const identity = authority.issue("api-server", `IP:${host}`);
  const tokenFile = join(authority.folder, "token");
  let version = 1000;
  let tokens = 0;
  let token = "";
  const nextVersion = (): number => ++version;
  const collections = {
    pods: new ApiCollection(nextVersion),
    services: new ApiCollection(nextVersion),
    endpointslices: new ApiCollection(nextVersion),
  };
  const snapshots = new Map<string, Snapshot>();
  const watches = new Set<Watch>();
  const requests: SeenRequest[] = [];
  const faults: Faults = {
    listStatus: undefined,
    watchStatus: undefined,
    forbidden: new Set(),
    delay: 0,
    gone: "event",
    cutLists: false,
  };

  function list(resource: ResourceName, query: URLSearchParams): { status: number; body: string } {
    const [id = "", offset = "0"] = (query.get("continue") ?? "").split(" ");
    const selector = query.get("fieldSelector");
    const snapshot = id === "" ? { objects: collections[resource].objects, version } : snapshots.get(id);
    if (snapshot === undefined) {
      return { status: 410, body: statusObject(410, "The provided continue parameter is too old") };
    }
    const objects = snapshot.objects.filter((object) => isSelected(object, selector));
    const limit = Number(query.get("limit") ?? "0") || Infinity;
    // The cache of the real server knows no pages.
    const end = query.get("resourceVersion") === "0" ? Infinity : Number(offset) + limit;
    const snapshotId = id === "" ? `snapshot-${nextVersion()}` : id;
    snapshots.set(snapshotId, snapshot);
    const { kind, apiVersion } = kinds[resource];
    const metadata = {
      resourceVersion: snapshot.version.toString(),
      ...(end < objects.length ? { continue: `${snapshotId} ${end}` } : {}),
    };
    return {
      status: 200,
      body: JSON.stringify({ kind, apiVersion, metadata, items: objects.slice(Number(offset), end) }),
    };
  }

  function watch(resource: ResourceName, query: URLSearchParams, response: ServerResponse): number {
    const collection = collections[resource];
    const selector = query.get("fieldSelector");
    const pending: string[] = [];
    let send = (line: string): void => void pending.push(line);
    const listener = (event: StoredEvent): void => {
      const line = eventInView(event, selector);
      if (line !== undefined) {
        send(line);
      }
    };
    if (!collection.follow(Number(query.get("resourceVersion") ?? "0"), listener)) {
      const gone = statusObject(410, "too old resource version");
      if (faults.gone === "status") {
        response.writeHead(410, { "Content-Type": "application/json" }).end(gone);
        return 410;
      }
      response.writeHead(200, { "Content-Type": "application/json" }).end(`{"type":"ERROR","object":${gone}}\n`);
      return 200;
    }
    response.writeHead(200, { "Content-Type": "application/json" }).flushHeaders();
    send = (line) => response.write(`${line}\n`);
    pending.forEach(send);
    const opened = { resource, response, wantsBookmarks: query.get("allowWatchBookmarks") === "true" };
    watches.add(opened);
    const timer = setTimeout(() => response.end(), Number(query.get("timeoutSeconds") ?? "3600") * 1000);
    response.on("close", () => {
      clearTimeout(timer);
      watches.delete(opened);
      collection.unfollow(listener);
    });
    return 200;
  }

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { pathname, searchParams: query } = new URL(request.url ?? "", "https://api");
    const resource = (Object.keys(kinds) as ResourceName[]).find((name) => kinds[name].path === pathname);
    const isWatch = query.get("watch") === "1";
    const fault = isWatch ? faults.watchStatus : faults.listStatus;
    const finish = (status: number, body: string): number => {
      response.writeHead(status, { "Content-Type": "application/json" });
      if (faults.cutLists && status === 200) {
        response.write(body.slice(0, body.length / 2), () => response.destroy());
      } else {
        response.end(body);
      }
      return status;
    };
    const note = (status: number): void => void requests.push({ resource: resource ?? pathname, query, status });
    if (request.headers.authorization !== `Bearer ${token}`) {
      note(finish(401, statusObject(401, "Unauthorized")));
    } else if (resource === undefined) {
      note(finish(404, statusObject(404, "the server could not find the requested resource")));
    } else if (faults.forbidden.has(resource)) {
      note(finish(403, statusObject(403, `${resource} is forbidden: User "test" cannot list resource "${resource}"`)));
    } else if (fault !== undefined) {
      note(finish(fault, statusObject(fault, "a fault")));
    } else if (isWatch) {
      note(watch(resource, query, response));
    } else {
      const { status, body } = list(resource, query);
      note(finish(status, body));
    }
  }

  function changeToken(tellsClient: boolean): void {
    token = `token-${++tokens}`;
    if (tellsClient) {
      writeFileSync(tokenFile, `${token}\n`);
    }
  }

  let server: Server | undefined;
  let port = 0;
  /** Those in the middle of their TLS handshake too, which closeAllConnections() does not know. */
  const sockets = new Set<Socket>();

  function disconnect(): void {
    sockets.forEach((socket) => socket.destroy());
  }

  async function up(): Promise<void> {
    const next = createServer(identity, (request, response) => {
      setTimeout(() => answer(request, response), faults.delay);
    });
    next.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.on("close", () => sockets.delete(socket));
    });
    await new Promise<void>((resolve) => next.listen(port, host, resolve));
    ({ port } = next.address() as AddressInfo);
    server = next;
  }

  async function down(): Promise<void> {
    const gone = new Promise((resolve) => server?.close(resolve));
    disconnect();
    await gone;
    server = undefined;
  }

  changeToken(true);
  for (const [resource, manifests] of [
    ["pods", options.pods],
    ["services", options.services],
    ["endpointslices", options.endpointSlices],
  ] as const) {
    manifests?.forEach((manifest) => collections[resource].put(manifest));
  }
  await up();
  scope.after(async () => {
    if (server !== undefined) {
      await down();
    }
  });
  return {
    url: `https://${host}:${port}`,
    tokenFile,
    caFile: join(authority.folder, "ca.pem"),
    faults,
    requests,
    watches: (resource) => [...watches].filter((open) => open.resource === resource).length,
    put: (resource, manifest) => collections[resource].put(manifest),
    delete: (resource, name, namespace) => collections[resource].delete(name, namespace),
    bookmark() {
      const resourceVersion = version.toString();
      for (const { resource, response } of [...watches].filter(({ wantsBookmarks }) => wantsBookmarks)) {
        const kind = kinds[resource].kind.replace(/List$/, "");
        response.write(`${JSON.stringify({ type: "BOOKMARK", object: { kind, metadata: { resourceVersion } } })}\n`);
      }
    },
    compact() {
      snapshots.clear();
      Object.values(collections).forEach((collection) => collection.compact());
    },
    sendRaw(resource, text) {
      [...watches].filter((open) => open.resource === resource).forEach(({ response }) => response.write(text));
    },
    disconnect,
    changeToken,
    down,
    up,
  };
}
