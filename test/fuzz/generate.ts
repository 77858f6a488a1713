/** Random operations, in the language of program/fuzz.h. */
import { Random } from "./random.js";

const workers = 8;
const sockets = 12;
const listeners = 4;

/** What the generator thinks that a place for a socket holds: it only makes operations likelier to do something. */
type Place = "fresh" | "listener" | "client" | "server";

interface Process {
  readonly places: Map<number, Place>;
}

interface Worker {
  readonly process: Process;
  readonly isFirst: boolean;
}

/** Operations by how often they come. */
const weights = {
  socket: 14,
  listen: 6,
  connect: 12,
  uring: 2,
  accept: 12,
  send: 14,
  recv: 5,
  shutdown: 4,
  close: 8,
  dup: 2,
  linger: 2,
  nonblock: 3,
  error: 2,
  unspec: 1,
  pass: 2,
  fastopen: 2,
  fork: 4,
  thread: 4,
  spawn: 6,
  rename: 3,
  move: 3,
  leave: 1,
  exit: 1,
  kill: 1,
  become: 1,
  open: 8,
  other: 2,
  call: 8,
  seccomp: 1,
  pause: 1,
  scrape: 0.25,
} as const;

type Name = keyof typeof weights;

const bag = (Object.keys(weights) as Name[]).flatMap((name) => Array<Name>(weights[name] * 4).fill(name));

/** One program's state while it is made up. */
class Generator {
  readonly #random: Random;
  readonly #workers = new Map<number, Worker>();
  readonly lines: string[] = [];

  constructor(random: Random) {
    this.#random = random;
    this.#workers.set(0, { process: { places: new Map() }, isFirst: true });
  }

  /** Adds one operation, or a few that belong together. */
  add(): void {
    const random = this.#random;
    const w = random.pick([...this.#workers.keys()]);
    const worker = this.#workers.get(w);
    if (worker !== undefined) {
      this.#addOf(random.pick(bag), w, worker);
    }
  }

  #say(w: number, ...words: readonly (string | number)[]): void {
    // What may block lets the others go on, sometimes.
    const isAsync = ["connect", "uring", "accept", "fastopen"].includes(String(words[0])) && this.#random.once(8);
    this.lines.push(`${isAsync ? "~" : ""}${w} ${words.join(" ")}`);
  }

  /** A place that holds one of these; any place now and then, or when there is none. */
  #place({ process: { places } }: Worker, ...kinds: readonly Place[]): number {
    const fitting = [...places].filter(([, kind]) => kinds.includes(kind)).map(([place]) => place);
    return fitting.length === 0 || this.#random.once(12) ? this.#random.below(sockets) : this.#random.pick(fitting);
  }

  #freePlace({ process: { places } }: Worker): number {
    const free = Array.from({ length: sockets }, (_, place) => place).filter((place) => !places.has(place));
    return this.#random.pick(free.length === 0 ? [0] : free);
  }

  #freeWorker(): number | undefined {
    const free = Array.from({ length: workers }, (_, w) => w).filter((w) => !this.#workers.has(w));
    return free.length === 0 ? undefined : this.#random.pick(free);
  }

  #destination(): string {
    const random = this.#random;
    const to = random.pick(["l", "l", "l", "l", "l", "l", "closed", "closed", "silent", "noroute"]);
    return `${random.once(5) ? "m" : ""}${to === "l" ? `l${random.below(listeners)}` : to}`;
  }

  #addOf(name: Name, w: number, worker: Worker): void {
    const random = this.#random;
    const { places } = worker.process;
    switch (name) {
      case "socket": {
        const place = this.#freePlace(worker);
        this.#say(w, "socket", place, random.pick([4, 4, 6]));
        places.set(place, "fresh");
        break;
      }
      case "listen": {
        const place = this.#place(worker, "fresh");
        this.#say(w, "listen", place, random.below(listeners), random.pick([0, 1, 5, 5, 5]));
        places.set(place, "listener");
        break;
      }
      case "connect":
      case "uring":
      case "fastopen": {
        const place = this.#place(worker, "fresh");
        this.#say(w, name, place, this.#destination(), ...(name === "fastopen" ? [random.below(2000)] : []));
        places.set(place, "client");
        break;
      }
      case "accept": {
        const place = this.#freePlace(worker);
        this.#say(w, "accept", this.#place(worker, "listener"), place);
        places.set(place, "server");
        break;
      }
      case "send":
        this.#say(w, "send", this.#place(worker, "client", "server"), 1 + random.below(4000));
        break;
      case "recv":
      case "error":
        this.#say(w, name, this.#place(worker, "client", "server"));
        break;
      case "shutdown":
        this.#say(w, "shutdown", this.#place(worker, "client", "server", "listener"), random.below(3));
        break;
      case "close": {
        const place = this.#place(worker, "client", "server", "listener", "fresh");
        this.#say(w, "close", place);
        places.delete(place);
        break;
      }
      case "dup": {
        const [from, to] = [this.#place(worker, "client", "server", "listener"), this.#freePlace(worker)];
        this.#say(w, "dup", from, to);
        places.set(to, places.get(from) ?? "fresh");
        break;
      }
      case "linger":
      case "nonblock":
        this.#say(w, name, this.#place(worker, "fresh", "client", "server", "listener"));
        break;
      case "unspec":
        this.#say(w, "unspec", this.#place(worker, "client", "listener"));
        break;
      case "pass": {
        const to = random.pick([...this.#workers.keys()]);
        const receiver = this.#workers.get(to) ?? worker;
        const [from, place] = [this.#place(worker, "client", "server", "listener"), this.#freePlace(receiver)];
        this.#say(w, "pass", from, to);
        this.#say(to, "get", place);
        receiver.process.places.set(place, places.get(from) ?? "fresh");
        break;
      }
      default:
        this.#addProcess(name, w, worker);
    }
  }

  #addProcess(name: Name, w: number, worker: Worker): void {
    const random = this.#random;
    switch (name) {
      case "fork":
      case "thread": {
        const free = this.#freeWorker();
        if (free === undefined) {
          return;
        }
        this.#say(w, name, free);
        const isFork = name === "fork";
        this.#workers.set(free, {
          process: isFork ? { places: new Map(worker.process.places) } : worker.process,
          isFirst: isFork,
        });
        break;
      }
      case "spawn": {
        const way = random.pick(["fork", "vfork", "fork", "vfork", "again"]);
        const own = [`a${random.below(10)}`, 1 + random.below(300)] as const;
        this.#say(w, "spawn", way, ...(random.once(3) ? own : this.#ending()));
        break;
      }
      case "rename":
        this.#say(w, "rename", `n${random.below(10)}`);
        break;
      case "move":
        this.#say(w, "move", `g${random.below(3)}`);
        break;
      case "leave":
        this.#end(w, [w], "leave");
        break;
      case "exit":
        this.#end(w, this.#workersOf(worker.process), "exit", random.below(3));
        break;
      case "kill":
        this.#end(w, this.#workersOf(worker.process), "kill", random.pick([9, 15, 11]));
        break;
      case "become":
        this.#end(w, this.#workersOf(worker.process), "become", ...this.#ending());
        break;
      default:
        this.#addCall(name, w);
    }
  }

  /** What the helper does. */
  #ending(): readonly [string, number] {
    const random = this.#random;
    return random.pick([
      ["exit", 0],
      ["exit", 3],
      ["kill", 9],
      ["kill", 6],
      ["calls", 1 + random.below(300)],
      ["missing", 0],
    ] as const);
  }

  #workersOf(process: Process): number[] {
    return [...this.#workers].filter(([, worker]) => worker.process === process).map(([w]) => w);
  }

  /** Ends these workers, unless no others are left. */
  #end(w: number, ended: readonly number[], ...words: readonly (string | number)[]): void {
    if (ended.length === this.#workers.size) {
      return;
    }
    this.#say(w, ...words);
    for (const each of ended) {
      this.#workers.delete(each);
    }
  }

  #addCall(name: Name, w: number): void {
    const random = this.#random;
    switch (name) {
      case "open": {
        const call = random.pick(["open", "openat", "openat2", "creat"]);
        const kind = random.pick(["there", "missing", "new", "loop", "below", "folder", "exists", "long", "fault"]);
        this.#say(w, "open", call, kind, 1 + random.below(5));
        break;
      }
      case "other":
        this.#say(w, random.pick(["unlink", "stat"]));
        break;
      case "call": {
        const call = random.pick(["getppid", "getppid", "getpgid", "getsid", "umask", "compat", "unknown"]);
        this.#say(w, "call", call, 1 + random.below(200));
        break;
      }
      case "seccomp":
        this.#say(w, "seccomp", random.pick(["errno", "zero", "trap"]));
        break;
      case "scrape":
        this.#say(w, "scrape");
        break;
      case "pause":
        this.#say(w, "pause", random.below(40));
        break;
      default:
        throw new Error(`no operation ${name}`);
    }
  }
}

/** The operations of a seed: about `count` lines, less those of which a word is in `without`. */
export function generate(seed: string, count: number, without: ReadonlySet<string> = new Set()): string[] {
  const generator = new Generator(new Random(seed));
  while (generator.lines.length < count) {
    generator.add();
  }
  return generator.lines.filter((line) => !line.split(" ").some((word) => without.has(word)));
}
