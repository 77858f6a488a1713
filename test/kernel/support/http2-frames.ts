/** Frames and header blocks of HTTP/2 (RFC 9113, RFC 7541), as texts in Latin-1. */

/** What a client begins a connection with. */
export const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

export const types = {
  data: 0,
  headers: 1,
  priority: 2,
  reset: 3,
  settings: 4,
  promise: 5,
  ping: 6,
  goAway: 7,
  windowUpdate: 8,
  continuation: 9,
};

/** Flags of frames. */
export const endStream = 1;
export const endHeaders = 4;
export const padded = 8;
export const hasPriority = 32;

function byte(...values: readonly number[]): string {
  return String.fromCharCode(...values);
}

/** A number of four bytes. */
export function word(value: number): string {
  return byte(value >>> 24, (value >>> 16) & 255, (value >>> 8) & 255, value & 255);
}

export function frame(type: number, flags: number, stream: number, payload = ""): string {
  return word(payload.length).slice(1) + byte(type, flags) + word(stream) + payload;
}

/** Codes of Huffman by letter, those that these blocks need: in the order of RFC 7541, from these codes on. */
const codes = new Map<string, string>();
for (const [first, bits, letters] of [
  [0x00, 5, "012aceiost"],
  [0x14, 6, " %-./3456789=A_bdfghlmnpru"],
  [0x5c, 7, ":BCDEFGHIJKLMNOPQRSTUVWYjkqvwxyz"],
  [0xf8, 8, "&*,;XZ"],
] as const) {
  for (const [index, letter] of Array.from(letters).entries()) {
    codes.set(letter, (first + index).toString(2).padStart(bits, "0"));
  }
}
codes.set("+", "11111111011");

/** A text in Huffman's code. Throws for letters that are not among those above. */
function huffman(text: string): string {
  const bits = Array.from(text, (letter) => {
    const code = codes.get(letter);
    if (code === undefined) {
      throw new RangeError(`no code for "${letter}"`);
    }
    return code;
  }).join("");
  const whole = bits.padEnd(Math.ceil(bits.length / 8) * 8, "1");
  return byte(...Array.from(whole.matchAll(/.{8}/g), ([eight]) => Number.parseInt(eight, 2)));
}

/** An integer whose first byte has so many bits for it, and others before them. */
function integer(value: number, bits: number, before: number): string {
  const most = 2 ** bits - 1;
  if (value < most) {
    return byte(before | value);
  }
  let text = byte(before | most);
  let rest = value - most;
  for (; rest >= 128; rest = Math.floor(rest / 128)) {
    text += byte(128 | (rest & 127));
  }
  return text + byte(rest);
}

/** A string, in Huffman's code or as it is. */
function string(text: string, isCoded: boolean): string {
  const bytes = isCoded ? huffman(text) : text;
  return integer(bytes.length, 7, isCoded ? 0x80 : 0) + bytes;
}

/** A field that a table has as a whole. Of the dynamic table, the newest entry is 62. */
export function indexed(index: number): string {
  return integer(index, 7, 0x80);
}

/** How a field is written out: with an entry in the dynamic table, without one, or never. */
const kinds = { insert: [6, 0x40], plain: [4, 0], never: [4, 0x10] } as const;

/** A field whose name is a table's, or written out as well. */
export function field(
  name: number | string,
  value: string,
  kind: keyof typeof kinds = "plain",
  isCoded = false,
): string {
  const [bits, before] = kinds[kind];
  const head =
    typeof name === "number" ? integer(name, bits, before) : integer(0, bits, before) + string(name, isCoded);
  return head + string(value, isCoded);
}

/** A new size of the dynamic table. */
export function tableSize(size: number): string {
  return integer(size, 5, 0x20);
}

/** A header block as one frame, and what may follow it. */
export function headers(stream: number, block: string, flags = 0): string {
  return frame(types.headers, flags | endHeaders, stream, block);
}

/** The same in a frame and so many more, cut where that falls. */
export function continued(stream: number, block: string, parts: number, flags = 0): string {
  const size = Math.ceil(block.length / parts);
  const texts = Array.from({ length: parts }, (_, index) => block.slice(index * size, (index + 1) * size));
  return texts
    .map((text, index) =>
      index === 0
        ? frame(types.headers, flags, stream, text)
        : frame(types.continuation, index === parts - 1 ? endHeaders : 0, stream, text),
    )
    .join("");
}

export function data(stream: number, payload: string, flags = 0): string {
  return frame(types.data, flags, stream, payload);
}

export function reset(stream: number, code = 8): string {
  return frame(types.reset, 0, stream, word(code));
}

export const settings = frame(types.settings, 0, 0, `\0\x03${word(100)}\0\x04${word(65_535)}`);
export const settingsAck = frame(types.settings, 1, 0);
export const ping = frame(types.ping, 0, 0, "pingpong");

export function windowUpdate(stream: number): string {
  return frame(types.windowUpdate, 0, stream, word(4096));
}

export function goAway(last: number): string {
  return frame(types.goAway, 0, 0, `${word(last)}${word(0)}bye`);
}
