/**
 * Where programs are to run in a copy of OpenSSL.
 *
 * Linux carries some instructions out itself when a program runs at them, and has the program execute all others in a single step, which
 * takes 20 to 30 µs on a virtual machine, more than what the function does. So a function is taken by its first instruction only where
 * that is one of the former. SSL_read() and SSL_read_ex() of most builds begin with others, but call one function that does the work, and
 * so do SSL_write() and SSL_write_ex(); it has no name in the file, and is found by their calls. On arm64 functions are taken where they
 * begin.
 */
import { takesProbe } from "./arm64.js";
import { type Elf, type FoundFunction, TlsFault } from "./elf.js";
import { instructionAt } from "./x86.js";

/** A place, and what the program is told of it: bpf/l7/tls.h. */
export interface Place {
  /** For people. */
  readonly name: string;
  /** In the file. */
  readonly offset: number;
  readonly cookie: number;
}

/** enum tls_call, and enum tls_length from bit 2 on. */
const calls = { read: 1, write: 2, handshake: 3 } as const;
const lengthReturned = 0;
const lengthAtFourth = 1 << 2;
const lengthAtFifth = 2 << 2;

/** As much of a function as is read. */
const mostCode = 512;
/** Enough for its first instructions. */
const beginning = 32;

/** Where the first instruction of a function is that Linux carries out itself, behind those without effect; undefined for none. */
async function cheapPlace(elf: Elf, { offset, size }: FoundFunction): Promise<number | undefined> {
  const code = await elf.code({ offset, size }, beginning);
  if (elf.architecture === "arm64") {
    // Only there is the return address where Linux replaces it.
    return takesProbe(code) ? offset : undefined;
  }
  let at = 0;
  let instruction = instructionAt(code, at);
  while (instruction?.kind === "endbr") {
    at += instruction.length;
    instruction = instructionAt(code, at);
  }
  return instruction?.kind === "push" || instruction?.kind === "nop" ? offset + at : undefined;
}

/** The functions that a function calls or ends in. */
async function calledBy(elf: Elf, from: FoundFunction): Promise<Set<number>> {
  const code = await elf.code(from, mostCode);
  const called = new Set<number>();
  for (let at = 0; at < code.length;) {
    const instruction = instructionAt(code, at);
    if (instruction === undefined) {
      break;
    }
    at += instruction.length;
    const target = at + (instruction.distance ?? 0);
    if (instruction.kind === "call" || (instruction.kind === "jump" && (target < 0 || target >= code.length))) {
      called.add(from.offset + target);
    }
  }
  return called;
}

/** The only function with a cheap place that both of two functions call. */
async function sharedPlace(elf: Elf, one: FoundFunction, other: FoundFunction): Promise<number | undefined> {
  const others = await calledBy(elf, other);
  const places: number[] = [];
  for (const offset of await calledBy(elf, one)) {
    const place = others.has(offset) ? await cheapPlace(elf, { offset, size: 0 }) : undefined;
    places.push(...(place === undefined ? [] : [place]));
  }
  return places.length === 1 ? places[0] : undefined;
}

async function placesOf(
  elf: Elf,
  kind: "read" | "write",
  functions: ReadonlyMap<string, FoundFunction>,
): Promise<readonly Place[]> {
  const names = [`SSL_${kind}`, `SSL_${kind}_ex`] as const;
  const plain = functions.get(names[0]);
  const extended = functions.get(names[1]);
  if (plain === undefined) {
    throw new TlsFault(`it has no ${names[0]}`);
  }
  const places: Place[] = [];
  for (const [name, found, length] of [
    [names[0], plain, lengthReturned],
    [names[1], extended, lengthAtFourth],
  ] as const) {
    const offset = found === undefined ? undefined : await cheapPlace(elf, found);
    places.push(...(offset === undefined ? [] : [{ name, offset, cookie: calls[kind] | length }]));
  }
  if (places.length === (extended === undefined ? 1 : 2)) {
    return places;
  }
  const shared =
    extended === undefined || elf.architecture !== "x64" ? undefined : await sharedPlace(elf, plain, extended);
  if (shared === undefined) {
    throw new TlsFault(
      `its ${names[0]} begins with an instruction at which no program can run, or only by a single step, and what it calls is not found`,
    );
  }
  // From 3.3 on, the function takes flags before the address of the length.
  const length = kind === "write" && functions.has("SSL_write_ex2") ? lengthAtFifth : lengthAtFourth;
  return [{ name: `the function behind ${names[0]}`, offset: shared, cookie: calls[kind] | length }];
}

/**
 * The places for a file, in the order in which programs are to be attached: what tells of a connection's beginning comes last. Undefined
 * for a file without OpenSSL.
 *
 * @throws TlsFault for one whose functions cannot be taken
 */
export async function choosePlaces(elf: Elf): Promise<readonly Place[] | undefined> {
  const functions = await elf.functions([
    "SSL_read",
    "SSL_read_ex",
    "SSL_write",
    "SSL_write_ex",
    "SSL_write_ex2",
    "SSL_do_handshake",
  ]);
  if (!functions.has("SSL_read") && !functions.has("SSL_write")) {
    return undefined;
  }
  const handshake = functions.get("SSL_do_handshake");
  return [
    ...(await placesOf(elf, "write", functions)),
    ...(await placesOf(elf, "read", functions)),
    // Once or twice for each connection, so that a single step does no harm.
    ...(handshake === undefined
      ? []
      : [{ name: "SSL_do_handshake", offset: handshake.offset, cookie: calls.handshake }]),
  ];
}
