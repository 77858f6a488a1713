/** Texts in the Huffman code of header fields (RFC 7541, 5.2), four bits at a time. */

/** Bits of the code of each byte (Appendix B), and, last, of the end of a text: of one length, codes are in the order of their bytes. */
export const codeLengths = [
  ...[13, 23, 28, 28, 28, 28, 28, 28, 28, 24, 30, 28, 28, 30, 28, 28, 28, 28, 28, 28, 28, 28, 30, 28, 28, 28, 28, 28],
  ...[28, 28, 28, 28, 6, 10, 10, 12, 13, 6, 8, 11, 10, 10, 8, 11, 8, 6, 6, 6, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6, 7, 8, 15],
  ...[6, 12, 10, 13, 6, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 7, 8, 7, 8, 13, 19, 13, 14],
  ...[6, 15, 5, 6, 5, 6, 5, 6, 6, 6, 5, 7, 7, 6, 6, 6, 5, 6, 7, 6, 5, 5, 6, 7, 7, 7, 7, 7, 15, 11, 14, 13, 28, 20],
  ...[22, 20, 20, 22, 22, 22, 23, 22, 23, 23, 23, 23, 23, 24, 23, 24, 24, 22, 23, 24, 23, 23, 23, 23, 21, 22, 23],
  ...[22, 23, 23, 24, 22, 21, 20, 22, 22, 23, 23, 21, 23, 22, 22, 24, 21, 22, 23, 23, 21, 21, 22, 21, 23, 22, 23],
  ...[23, 20, 22, 22, 22, 23, 22, 22, 23, 26, 26, 20, 19, 22, 23, 22, 25, 26, 26, 26, 27, 27, 26, 24, 25, 19, 21],
  ...[26, 27, 27, 26, 27, 24, 21, 21, 26, 26, 28, 27, 27, 27, 20, 24, 20, 21, 22, 21, 21, 23, 22, 22, 25, 25, 24],
  ...[24, 26, 23, 26, 27, 26, 26, 27, 27, 27, 27, 27, 28, 27, 27, 27, 27, 27, 26, 30],
];

const endOfText = 256;

/** Nodes of the code's tree that are no leaves. */
const nodes = endOfText;

/** A step ends a byte: it is in the bits from 8 on; the lower ones are the node that follows. */
const endsByte = 1 << 16;

/** No text has this. */
const refused = 1 << 17;

/** What is left of a text's last byte are fewer than eight bits, all of them 1. */
const mostPadding = 7;

interface Code {
  /** By node and four bits. */
  readonly steps: Uint32Array;
  /** May a text end at this node? */
  readonly mayEnd: Uint8Array;
}

/** The two branches of each node: another node, or, from `nodes` on, a byte. */
function treeOf(): Uint16Array {
  const branches = new Uint16Array(2 * nodes);
  const inOrder = codeLengths
    .map((length, byte) => ({ length, byte }))
    .toSorted((a, b) => a.length - b.length || a.byte - b.byte);
  let code = 0;
  let before = inOrder[0]?.length ?? 0;
  let known = 1;
  for (const { length, byte } of inOrder) {
    code *= 2 ** (length - before);
    before = length;
    let node = 0;
    for (let bit = length - 1; bit > 0; bit--) {
      const branch = 2 * node + ((code >>> bit) & 1);
      if (branches[branch] === 0) {
        branches[branch] = known++;
      }
      node = branches[branch] as number;
    }
    branches[2 * node + (code & 1)] = nodes + byte;
    code++;
  }
  return branches;
}

function codeOf(): Code {
  const branches = treeOf();
  const steps = new Uint32Array(nodes * 16);
  for (let index = 0; index < steps.length; index++) {
    let node = index >>> 4;
    let ended = 0;
    for (let bit = 3; bit >= 0; bit--) {
      node = branches[2 * node + ((index >>> bit) & 1)] as number;
      if (node === nodes + endOfText) {
        ended = refused;
        break;
      }
      if (node >= nodes) {
        ended = endsByte | ((node - nodes) << 8);
        node = 0;
      }
    }
    steps[index] = ended | (node & 0xff);
  }
  const mayEnd = new Uint8Array(nodes);
  for (let node = 0, bits = 0; bits <= mostPadding; bits++) {
    mayEnd[node] = 1;
    node = branches[2 * node + 1] as number;
  }
  return { steps, mayEnd };
}

const { steps, mayEnd } = codeOf();

/** How many bytes a text of so many may become. */
export function mostDecoded(bytes: number): number {
  return Math.ceil((8 * bytes) / 5);
}

/** Writes the text in `from[at..end)` to the beginning of `to`, which has space for it. Returns its bytes; -1 when it is none. */
export function decodeHuffman(from: Uint8Array, at: number, end: number, to: Uint8Array): number {
  let length = 0;
  let node = 0;
  for (let index = at; index < end; index++) {
    const byte = from[index] as number;
    for (let shift = 4; shift >= 0; shift -= 4) {
      const step = steps[(node << 4) | ((byte >>> shift) & 0xf)] as number;
      if (step >= endsByte) {
        if (step >= refused) {
          return -1;
        }
        to[length++] = (step >>> 8) & 0xff;
      }
      node = step & 0xff;
    }
  }
  return mayEnd[node] === 1 ? length : -1;
}
