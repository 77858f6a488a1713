/**
 * Where programs are to run in a program of Go.
 *
 * Go moves stacks, so that nothing may run where a function returns. Its crypto/tls hands bytes on by calls, which Linux carries out
 * itself when a program runs at them: Write calls writeRecordLocked, once all that comes before has been written, and Read, under the
 * lock of what has been received, copies it by memmove, or calls a Reader's Read where that is not inlined. Read's connection is where
 * functions save their first argument: on the stack, behind the return address.
 */
import { arm64Function } from "./arm64.js";
import { type Elf, type FoundFunction, TlsFault } from "./elf.js";
import { goFunctions } from "./go-functions.js";
import type { Place } from "./places.js";
import type { WalkedFunction } from "./walked-function.js";
import { x86Function } from "./x86-function.js";

/** GO_PLACE and enum go_place of bpf/l7/tls_go.h; the distance of the first argument is from bit 3 on. */
const goPlace = 2 ** 30;
const handshake = goPlace + 1;
const write = goPlace + 2;
const copy = goPlace + 3;
const reader = goPlace + 4;

const names = {
  read: "crypto/tls.(*Conn).Read",
  write: "crypto/tls.(*Conn).Write",
  writeRecord: "crypto/tls.(*Conn).writeRecordLocked",
  clientHandshake: "crypto/tls.(*Conn).clientHandshake",
  serverHandshake: "crypto/tls.(*Conn).serverHandshake",
  copy: "runtime.memmove",
  readerRead: "bytes.(*Reader).Read",
} as const;

/** Longer than any of these functions is. */
const mostCode = 2 ** 16;

async function walk(elf: Elf, name: string, { offset, size }: FoundFunction): Promise<WalkedFunction> {
  const code = size > mostCode ? Buffer.alloc(0) : await elf.code({ offset, size }, size);
  const walked =
    code.length !== size ? undefined : elf.architecture === "x64" ? x86Function(code) : arm64Function(code);
  if (walked === undefined) {
    throw new TlsFault(`the instructions of its ${name} are not known`);
  }
  return walked;
}

/** The places for a program of Go; undefined where a file is none, or has no TLS. */
export async function chooseGoPlaces(elf: Elf): Promise<readonly Place[] | undefined> {
  const functions = await goFunctions(elf, Object.values(names));
  const [readFunction] = functions?.get(names.read) ?? [];
  const [writeFunction] = functions?.get(names.write) ?? [];
  if (functions === undefined || readFunction === undefined || writeFunction === undefined) {
    return undefined;
  }
  const callsOf = ({ calls }: WalkedFunction, { offset }: FoundFunction, name: string): number[] => {
    const targets = new Set(functions.get(name)?.map((found) => found.offset));
    return calls.filter(({ target }) => targets.has(offset + target)).map(({ at }) => offset + at);
  };
  const reading = await walk(elf, "Read", readFunction);
  const byReader = callsOf(reading, readFunction, names.readerRead);
  const copies = callsOf(reading, readFunction, names.copy);
  const reads = byReader.length > 0 ? byReader : copies;
  const writes = callsOf(await walk(elf, "Write", writeFunction), writeFunction, names.writeRecord);
  if (reads.length !== 1 || writes.length === 0) {
    throw new TlsFault("its Read and Write of crypto/tls do not call what those of other versions of Go do");
  }
  // Those of Go before 1.17 (of arm64: 1.18) have it there before they are called.
  if (reading.firstArgument === undefined) {
    throw new TlsFault("its Read of crypto/tls does not save its argument as those of Go 1.17 and newer do");
  }
  const cookie = (byReader.length > 0 ? reader : copy) | (reading.firstArgument << 3);
  const handshakes = [names.clientHandshake, names.serverHandshake].flatMap((name) => functions.get(name) ?? []);
  return [
    ...writes.map((offset) => ({ name: names.write, offset, cookie: write })),
    ...reads.map((offset) => ({ name: names.read, offset, cookie })),
    ...handshakes.map(({ offset }) => ({ name: "a handshake of crypto/tls", offset, cookie: handshake })),
  ];
}
