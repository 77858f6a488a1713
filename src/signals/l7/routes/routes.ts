/** Routes of requests, by their paths: those that the user gives first, else what is learned. */
import { type ActorRecord, actorWords } from "ringtap/signal";

import { LearnedRoutes } from "./learned-routes.js";
import { type PathRecord, PathSegments } from "./path.js";
import { L7Path } from "../records.js";
import { TextNumbers } from "../texts.js";
import { compare, matches, type Template } from "./templates.js";

/** A record of a request. */
export type RequestRecord = ActorRecord & PathRecord & { readonly role: number };

export interface RoutesOptions {
  readonly templates: readonly Template[];
  /** Routes that are learned of each program in each container and role; 0: none. */
  readonly limit: number;
}

/** Numbers of routes, such as {@link TextNumbers} has them. */
export class Routes {
  /** Are there to be any? */
  readonly areWanted: boolean;
  readonly memoryAtLimit: number;
  readonly #templates: readonly (readonly [template: Template, route: number])[];
  readonly #learned: LearnedRoutes | undefined;
  readonly #texts = new TextNumbers();
  readonly #path = new PathSegments();
  readonly #key = new Uint32Array(actorWords);

  constructor({ templates, limit }: RoutesOptions) {
    this.areWanted = templates.length > 0 || limit > 0;
    this.#templates = templates
      .toSorted(compare)
      .map((template) => [template, this.#texts.number(template.text)] as const);
    this.#learned =
      limit === 0
        ? undefined
        : new LearnedRoutes({
            ...{ limit, keyWords: actorWords, other: TextNumbers.other },
            intern: (text) => this.#texts.number(text),
          });
    this.memoryAtLimit = this.areWanted ? this.#texts.memoryAtLimit + (this.#learned?.memoryAtLimit ?? 0) : 0;
  }

  /** The route of a request. */
  of(record: RequestRecord): number {
    if (record.pathKind === L7Path.none) {
      return TextNumbers.unknown;
    }
    const path = this.#path;
    path.read(record);
    if (path.count === 0) {
      return TextNumbers.other;
    }
    for (const [template, route] of this.#templates) {
      if (matches(template, path)) {
        return route;
      }
    }
    if (this.#learned === undefined) {
      return TextNumbers.other;
    }
    // The program's name, container and role: its processes learn together.
    record.copyActor(this.#key);
    this.#key[0] = record.role;
    return this.#learned.of(this.#key, path);
  }

  text(route: number): string {
    return this.#texts.text(route);
  }
}
