/** Names of DNS questions, as a label: so many of each program, the others as one. */
import { type ActorRecord, actorWords, KeyTable, keyTableMemory } from "ringtap/signal";

import { hasPath, type PathRecord } from "./routes/path.js";
import { TextNumbers } from "./texts.js";

const nameWords = 20;
const nameBytes = 4 * nameWords;

/** Most programs, in a container and a role each, that have names of their own at once. */
const mostPrograms = 128;

/** Bytes of a program and of a name, roughly, besides their keys. */
const programBytes = 100;

/** A record of a question that has ended. */
type QuestionRecord = ActorRecord & PathRecord & { readonly role: number };

/** ASCII letters of four bytes in lower case. */
function lowerCase(word: number): number {
  const low = word & 0x7f7f7f7f;
  const fromA = low + 0x3f3f3f3f;
  const behindZ = low + 0x25252525;
  const isUpper = (fromA ^ behindZ) & ~word & 0x80808080;
  return (word | (isUpper >>> 2)) >>> 0;
}

/** A byte of a label as zone files have it (RFC 1035, section 5.1). */
function escaped(byte: number): string {
  const character = String.fromCharCode(byte);
  if (/[.\\"();@$]/.test(character)) {
    return `\\${character}`;
  }
  return byte > 0x20 && byte < 0x7f ? character : `\\${`${byte}`.padStart(3, "0")}`;
}

/** A name as messages have it, as text: its labels with dots between them, `.` for the root. Its end is cut off where it has `length` bytes and no end. */
export function nameText(bytes: Uint8Array, length: number): string {
  const labels: string[] = [];
  let at = 0;
  while (at < length) {
    const size = bytes[at] as number;
    if (size === 0) {
      return labels.join(".") || ".";
    }
    if (at + 1 + size > length) {
      break;
    }
    labels.push(Array.from(bytes.subarray(at + 1, at + 1 + size), escaped).join(""));
    at += 1 + size;
  }
  return [...labels, "*"].join(".");
}

export interface NamesOptions {
  readonly areWanted: boolean;
  /** Names of each program in each container and role. */
  readonly limit: number;
}

interface Program {
  names: number;
  used: number;
}

/** Numbers of names, such as {@link TextNumbers} has them. */
export class Names {
  readonly areWanted: boolean;
  readonly memoryAtLimit: number;
  readonly #limit: number;
  readonly #texts = new TextNumbers();
  /** By program and bytes. */
  readonly #names = new KeyTable(1 + nameWords);
  /** By id there. */
  readonly #numbers: number[] = [];
  readonly #programs = new KeyTable(actorWords);
  readonly #programsById: Program[] = [];
  readonly #programKey = new Uint32Array(actorWords);
  readonly #key = new Uint32Array(1 + nameWords);
  readonly #words = this.#key.subarray(1);
  readonly #bytes = new Uint8Array(this.#key.buffer, 4, nameBytes);
  #uses = 0;

  constructor({ areWanted, limit }: NamesOptions) {
    this.areWanted = areWanted;
    this.#limit = limit;
    this.memoryAtLimit = areWanted
      ? this.#texts.memoryAtLimit +
        keyTableMemory(1 + nameWords, mostPrograms * limit) +
        keyTableMemory(actorWords, mostPrograms) +
        mostPrograms * (programBytes + 8 * limit)
      : 0;
  }

  /** The name of a question. Allocates nothing for one that has been met. */
  of(record: QuestionRecord): number {
    if (!hasPath(record)) {
      return TextNumbers.unknown;
    }
    const length = this.#read(record);
    if (length <= 0) {
      return length < 0 ? TextNumbers.unknown : TextNumbers.other;
    }
    const key = this.#key;
    const programId = this.#programOf(record);
    key[0] = programId;
    const found = this.#names.find(key);
    if (found >= 0) {
      return this.#numbers[found] as number;
    }
    const program = this.#programsById[programId] as Program;
    const number = program.names < this.#limit ? this.#texts.number(nameText(this.#bytes, length)) : TextNumbers.other;
    if (number !== TextNumbers.other) {
      program.names++;
      this.#numbers[this.#names.add(key)] = number;
    }
    return number;
  }

  text(number: number): string {
    return this.#texts.text(number);
  }

  /** The name of a question as text, a long one without its end; undefined when it has none. */
  textOf(record: PathRecord): string | undefined {
    const length = hasPath(record) ? this.#read(record) : -1;
    return length < 0 ? undefined : nameText(this.#bytes, length || nameBytes);
  }

  /** Copies a record's name, in lower case, zeros behind its end: how many bytes; 0 when it is longer, -1 when it is none. */
  #read(record: PathRecord): number {
    const words = this.#words;
    for (let index = 0; index < nameWords; index++) {
      words[index] = lowerCase(record.path(index));
    }
    const bytes = this.#bytes;
    let at = 0;
    while (at < nameBytes) {
      const size = bytes[at] as number;
      if (size > 63) {
        return -1;
      }
      at += 1 + size;
      if (size === 0) {
        bytes.fill(0, at);
        return at;
      }
    }
    return 0;
  }

  /** The program's name, container and role: its processes have their names together. */
  #programOf(record: QuestionRecord): number {
    const key = this.#programKey;
    record.copyActor(key);
    key[0] = record.role;
    let id = this.#programs.find(key);
    if (id < 0) {
      if (this.#programs.size >= mostPrograms) {
        this.#removeOldest();
      }
      id = this.#programs.add(key);
      this.#programsById[id] = { names: 0, used: 0 };
    }
    (this.#programsById[id] as Program).used = ++this.#uses;
    return id;
  }

  /** Removes the program that was met longest ago. */
  #removeOldest(): void {
    const oldest = this.#programsById.reduce(
      (one, other, id, all) => (other.used < (all[one] as Program).used ? id : one),
      0,
    );
    for (let id = 0; id < this.#numbers.length; id++) {
      if ((this.#numbers[id] as number) >= 0 && this.#names.word(id, 0) === oldest) {
        this.#names.remove(id);
        this.#numbers[id] = -1;
      }
    }
    this.#programs.remove(oldest);
  }
}
