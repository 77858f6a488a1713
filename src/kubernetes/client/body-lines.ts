/** The lines of a body as it arrives, with no more than one of them in memory. */

const newline = 0x0a;

/** Yields each line without its end; undefined in place of one longer than `limit` bytes. An unfinished last line is not yielded. */
export async function* readLines(body: AsyncIterable<Buffer>, limit: number): AsyncGenerator<string | undefined> {
  let pieces: Buffer[] = [];
  let length = 0;
  for await (const chunk of body) {
    let from = 0;
    for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, from)) {
      const line = length + end - from > limit ? undefined : Buffer.concat([...pieces, chunk.subarray(from, end)]);
      yield line?.toString();
      pieces = [];
      length = 0;
      from = end + 1;
    }
    length += chunk.length - from;
    if (length > limit) {
      pieces = [];
    } else if (from < chunk.length) {
      pieces.push(chunk.subarray(from));
    }
  }
}
