/** Routes that are learned of paths: segments that vary become `{id}`. */
import { KeyTable, keyTableMemory } from "ringtap/signal";

import type { PathSegments } from "./path.js";

/** Most trees, one for each program in each container and role, and most segments of one, unless fewer are asked for. */
const mostTrees = 128;
const mostNodes = 1024;

/** So many words may follow a segment, unless all are. When there is one more, what comes here varies. */
const mostWords = 20;

/** Words that were met as often by then are none that vary. */
export const frequent = 8;

/** What else can follow a segment, as hashes that no word has. */
const anyMark = [0, 0] as const;
const restMark = [0, 1] as const;
const rootMark = 0xffffffff;

/** Bytes of a segment and of a tree, roughly. */
const nodeBytes = 160;
const treeBytes = 200;

interface Node {
  readonly name: string;
  readonly parent: number;
  readonly tree: Tree;
  readonly isWord: boolean;
  /** How often paths have come through. */
  met: number;
  words: number;
  /** No further word is added behind it. */
  varies: boolean;
  /** The first one behind it, and the next one behind the same one; -1 for none. */
  first: number;
  next: number;
  /** -1: no path has ended here. */
  route: number;
}

interface Tree {
  readonly id: number;
  root: number;
  nodes: number;
  routes: number;
  used: number;
}

export interface LearnedRoutesOptions {
  /** Routes of a tree. */
  readonly limit: number;
  /** Words of a tree's key. */
  readonly keyWords: number;
  /** Does nothing vary? */
  readonly areNames?: boolean;
  /** Segments of a tree. */
  readonly nodes?: number;
  /** The number of a route by its text. */
  readonly intern: (text: string) => number;
  /** The number for routes beyond a limit. */
  readonly other: number;
}

/** Trees of the paths of programs. */
export class LearnedRoutes {
  /** Bytes that all of it takes at the most. */
  readonly memoryAtLimit: number;
  readonly #options: LearnedRoutesOptions;
  readonly #mostNodes: number;
  readonly #trees: KeyTable;
  readonly #treesById: Tree[] = [];
  /** By parent and the hashes of the segment. */
  readonly #children = new KeyTable(3);
  readonly #nodes: (Node | undefined)[] = [];
  readonly #key = new Uint32Array(3);
  #uses = 0;

  constructor(options: LearnedRoutesOptions) {
    this.#options = options;
    this.#trees = new KeyTable(options.keyWords);
    this.#mostNodes = Math.min(options.nodes ?? mostNodes, mostNodes);
    this.memoryAtLimit =
      keyTableMemory(options.keyWords, mostTrees) +
      keyTableMemory(3, mostTrees * this.#mostNodes) +
      mostTrees * (treeBytes + this.#mostNodes * nodeBytes);
  }

  /** The route of a path, in the tree of a key. Allocates nothing for a path like those before. */
  of(key: Uint32Array, path: PathSegments): number {
    const tree = this.#treeOf(key);
    tree.used = ++this.#uses;
    let node = tree.root;
    for (let index = 0; index < path.count && node >= 0; index++) {
      node = this.#step(node, path, index);
    }
    return node < 0 ? this.#options.other : this.#routeAt(node);
  }

  /** Goes on by a segment; -1 when there are too many. */
  #step(from: number, path: PathSegments, index: number): number {
    if (path.isCut && index === path.count - 1) {
      return this.#mark(from, restMark, "*");
    }
    if (path.isId[index] === true) {
      return this.#mark(from, anyMark, "{id}");
    }
    const key = this.#key;
    key[0] = from;
    key[1] = path.first[index] as number;
    key[2] = path.second[index] as number;
    const found = this.#children.find(key);
    if (found >= 0) {
      (this.#nodes[found] as Node).met++;
      return found;
    }
    const node = this.#nodes[from] as Node;
    if (!node.varies && (node.words < mostWords || this.#options.areNames === true)) {
      return this.#add(node.tree, from, path.text(index), true);
    }
    if (!node.varies) {
      node.varies = true;
      this.#removeSeldom(node);
    }
    return this.#mark(from, anyMark, "{id}");
  }

  /** Goes on by something that is no word. */
  #mark(from: number, [first, second]: readonly [number, number], name: string): number {
    const key = this.#key;
    key[0] = from;
    key[1] = first;
    key[2] = second;
    const found = this.#children.find(key);
    return found >= 0 ? found : this.#add((this.#nodes[from] as Node).tree, from, name, false);
  }

  /** Adds the node of the key that was not found; -1 when there are too many. */
  #add(tree: Tree, parent: number, name: string, isWord: boolean): number {
    if (tree.nodes >= this.#mostNodes) {
      return -1;
    }
    tree.nodes++;
    const id = this.#children.add(this.#key);
    const above = this.#nodes[parent];
    this.#nodes[id] = {
      ...{ name, parent, tree, isWord, met: 1, words: 0, varies: false, first: -1, next: above?.first ?? -1 },
      route: -1,
    };
    if (above !== undefined) {
      above.first = id;
      above.words += isWord ? 1 : 0;
    }
    return id;
  }

  /** Removes the words behind a node that were not met often: ids, most likely. */
  #removeSeldom(node: Node): void {
    const children: number[] = [];
    for (let id = node.first; id >= 0; id = (this.#nodes[id] as Node).next) {
      children.push(id);
    }
    node.first = -1;
    for (const id of children) {
      const child = this.#nodes[id] as Node;
      if (child.isWord && child.met < frequent) {
        this.#remove(id);
        node.words--;
      } else {
        child.next = node.first;
        node.first = id;
      }
    }
  }

  /** Removes a node, and all behind it. */
  #remove(id: number): void {
    const node = this.#nodes[id] as Node;
    for (let child = node.first; child >= 0;) {
      const { next } = this.#nodes[child] as Node;
      this.#remove(child);
      child = next;
    }
    node.tree.nodes--;
    if (node.route >= 0) {
      node.tree.routes--;
    }
    this.#nodes[id] = undefined;
    this.#children.remove(id);
  }

  #routeAt(id: number): number {
    const node = this.#nodes[id] as Node;
    if (node.route >= 0) {
      return node.route;
    }
    const { limit, intern, other } = this.#options;
    if (node.tree.routes >= limit) {
      return other;
    }
    const route = intern(this.#textOf(node));
    if (route !== other) {
      node.tree.routes++;
      node.route = route;
    }
    return route;
  }

  #textOf(node: Node): string {
    const names: string[] = [];
    for (let at: Node | undefined = node; at !== undefined && at.parent >= 0; at = this.#nodes[at.parent]) {
      names.unshift(at.name);
    }
    return `/${names.join("/")}`;
  }

  #treeOf(key: Uint32Array): Tree {
    const found = this.#trees.find(key);
    if (found >= 0) {
      return this.#treesById[found] as Tree;
    }
    if (this.#trees.size >= mostTrees) {
      this.#removeOldest();
    }
    const id = this.#trees.add(key);
    const tree: Tree = { id, root: -1, nodes: 0, routes: 0, used: 0 };
    this.#treesById[id] = tree;
    this.#key.set([rootMark, id, 0]);
    tree.root = this.#add(tree, -1, "", false);
    return tree;
  }

  /** Removes the tree that was used longest ago. */
  #removeOldest(): void {
    const oldest = this.#treesById.reduce((one, other) => (other.used < one.used ? other : one));
    this.#remove(oldest.root);
    this.#trees.remove(oldest.id);
    oldest.used = Infinity;
  }
}
