/** The bytes of a render, once all its pieces are there: a chunk that was overwritten after it was handed over would show. */
export async function readBytes(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) {
    all.push(piece);
  }
  return Buffer.concat(all);
}

/** The same as text. */
export async function readText(pieces: AsyncIterable<Buffer>): Promise<string> {
  return (await readBytes(pieces)).toString();
}
