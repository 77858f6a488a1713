/** Routes of requests, by their paths: those that the user gives first, else what is learned. */
import { type ActorRecord, actorWords } from "ringtap/signal";

import { LearnedRoutes } from "./learned-routes.js";
import { longestKept } from "../http2/header-table.js";
import { type RequestPaths, requestPathsMemory, type StreamRecord } from "../http2/request-paths.js";
import { L7Protocol } from "../records.js";
import { hasPath, type PathRecord, PathSegments } from "./path.js";
import { TextNumbers } from "../texts.js";
import { compare, matches, type Template } from "./templates.js";

/** A record of a request. */
export type RequestRecord = ActorRecord &
  PathRecord &
  StreamRecord & { readonly role: number; readonly protocol: number };

/** Segments of a call's path: its service and its method. */
const callSegments = 2;

export interface RoutesOptions {
  readonly templates: readonly Template[];
  /** Routes that are learned of each program in each container and role; 0: none. */
  readonly limit: number;
}

/** Numbers of routes, and of gRPC's methods, such as {@link TextNumbers} has them. */
export class Routes {
  /** Are there to be any? */
  readonly areWanted: boolean;
  readonly memoryAtLimit: number;
  readonly #templates: readonly (readonly [template: Template, route: number])[];
  readonly #learned: LearnedRoutes | undefined;
  readonly #methods: LearnedRoutes | undefined;
  /** Of HTTP/2's requests; undefined where these have none. */
  readonly #paths: RequestPaths | undefined;
  readonly #texts = new TextNumbers();
  readonly #path = new PathSegments();
  readonly #call = new PathSegments({ longest: longestKept, areNames: true });
  readonly #key = new Uint32Array(actorWords);

  constructor({ templates, limit }: RoutesOptions, paths?: RequestPaths) {
    this.areWanted = templates.length > 0 || limit > 0;
    this.#paths = paths;
    this.#templates = templates
      .toSorted(compare)
      .map((template) => [template, this.#texts.number(template.text)] as const);
    if (limit > 0) {
      const options = {
        ...{ limit, keyWords: actorWords, other: TextNumbers.other },
        intern: (text: string) => this.#texts.number(text),
      };
      this.#learned = new LearnedRoutes(options);
      this.#methods = new LearnedRoutes({ ...options, areNames: true, nodes: 1 + callSegments * limit });
    }
    this.memoryAtLimit = this.areWanted
      ? this.#texts.memoryAtLimit +
        (this.#learned?.memoryAtLimit ?? 0) +
        (this.#methods?.memoryAtLimit ?? 0) +
        (paths === undefined ? 0 : requestPathsMemory)
      : 0;
  }

  /** The route of a request, or the method of a call. */
  of(record: RequestRecord): number {
    const path = record.protocol === L7Protocol.grpc ? this.#call : this.#path;
    if (hasPath(record)) {
      path.read(record);
    } else if (this.#paths?.find(record) === true) {
      path.readBytes(this.#paths);
    } else {
      return TextNumbers.unknown;
    }
    return path === this.#call ? this.#methodOf(record) : this.#routeOf(record);
  }

  /** Takes what names HTTP/2's requests, so that it waits for no record of one. */
  drain(): void {
    this.#paths?.drain();
  }

  /** The request has been counted. */
  end(record: RequestRecord): void {
    if (record.stream !== 0) {
      this.#paths?.remove(record);
    }
  }

  text(route: number): string {
    return this.#texts.text(route);
  }

  #routeOf(record: RequestRecord): number {
    const path = this.#path;
    if (path.count === 0) {
      return TextNumbers.other;
    }
    for (const [template, route] of this.#templates) {
      if (matches(template, path)) {
        return route;
      }
    }
    return this.#learn(this.#learned, record, path);
  }

  #methodOf(record: RequestRecord): number {
    const call = this.#call;
    const isMethod = call.count === callSegments && !call.isCut && call.isId[0] === false && call.isId[1] === false;
    return isMethod ? this.#learn(this.#methods, record, call) : TextNumbers.other;
  }

  #learn(learned: LearnedRoutes | undefined, record: RequestRecord, path: PathSegments): number {
    if (learned === undefined) {
      return TextNumbers.other;
    }
    // The program's name, container and role: its processes learn together.
    record.copyActor(this.#key);
    this.#key[0] = record.role;
    return learned.of(this.#key, path);
  }
}
