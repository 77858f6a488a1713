/** Routes of requests, by their paths: those that the user gives first, else what is learned. */
import { type ActorRecord, actorWords } from "ringtap/signal";

import { LearnedRoutes } from "./learned-routes.js";
import { type PathRecord, PathSegments } from "./path.js";
import { L7Path } from "../records.js";
import { compare, matches, type Template } from "./templates.js";

/** Different routes at once, of all programs: label sets are made of them. */
export const mostRoutes = 4096;

/** Bytes of a route, roughly. */
const routeBytes = 200;

/** A record of a request. */
export type RequestRecord = ActorRecord & PathRecord & { readonly role: number };

export interface RoutesOptions {
  readonly templates: readonly Template[];
  /** Routes that are learned of each program in each container and role; 0: none. */
  readonly limit: number;
}

/** Numbers of routes. */
export class Routes {
  /** A request without a path, or without a record. */
  static readonly unknown = 0;
  /** Beyond a limit. */
  static readonly other = 1;
  /** Are there to be any? */
  readonly areWanted: boolean;
  readonly memoryAtLimit: number;
  readonly #templates: readonly (readonly [template: Template, route: number])[];
  readonly #learned: LearnedRoutes | undefined;
  readonly #texts = ["~unknown", "~other"];
  readonly #routes = new Map<string, number>();
  readonly #path = new PathSegments();
  readonly #key = new Uint32Array(actorWords);

  constructor({ templates, limit }: RoutesOptions) {
    this.areWanted = templates.length > 0 || limit > 0;
    this.#templates = templates.toSorted(compare).map((template) => [template, this.#intern(template.text)] as const);
    this.#learned =
      limit === 0
        ? undefined
        : new LearnedRoutes({ limit, keyWords: actorWords, intern: (text) => this.#intern(text), other: Routes.other });
    this.memoryAtLimit = this.areWanted ? mostRoutes * routeBytes + (this.#learned?.memoryAtLimit ?? 0) : 0;
  }

  /** The route of a request. */
  of(record: RequestRecord): number {
    if (record.pathKind === L7Path.none) {
      return Routes.unknown;
    }
    const path = this.#path;
    path.read(record);
    if (path.count === 0) {
      return Routes.other;
    }
    for (const [template, route] of this.#templates) {
      if (matches(template, path)) {
        return route;
      }
    }
    if (this.#learned === undefined) {
      return Routes.other;
    }
    // The program's name, container and role: its processes learn together.
    record.copyActor(this.#key);
    this.#key[0] = record.role;
    return this.#learned.of(this.#key, path);
  }

  text(route: number): string {
    return this.#texts[route] ?? "";
  }

  #intern(text: string): number {
    const known = this.#routes.get(text);
    if (known !== undefined) {
      return known;
    }
    if (this.#texts.length >= mostRoutes) {
      return Routes.other;
    }
    const route = this.#texts.push(text) - 1;
    this.#routes.set(text, route);
    return route;
  }
}
