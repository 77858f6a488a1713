/** Header blocks of any connection, for property tests. */
import fc from "fast-check";

import type { Encoder, Field, Form } from "./hpack-encoder.js";

const texts = fc.oneof(
  fc.constantFrom("application/grpc", "x", "a-longer-value ".repeat(8), "", "/not/a/path", "y".repeat(700)),
  fc.string({ maxLength: 20 }).map((text) => text.replaceAll(/[^ -~]/g, "z")),
);
const names = fc.constantFrom("user-agent", "content-type", "te", "x-request-id", "paths", ":pat", "grpc-timeout");
const paths = fc.oneof(
  fc.constantFrom("/", "/index.html", "/test.Echo/One", "/test.Echo/Many", "/cart", `/${"long/".repeat(15)}`),
  fc.integer({ min: 0, max: 40 }).map((id) => `/orders/${id}`),
);

const forms: fc.Arbitrary<Form> = fc.record({
  kind: fc.constantFrom("indexed", "inserted", "plain", "never"),
  isHuffman: fc.boolean(),
  nameIn: fc.constantFrom("static", "dynamic", "none"),
});

export interface WrittenField {
  readonly field: Field;
  readonly form: Form;
}

export interface WrittenBlock {
  /** The table's new size, where it gets one. */
  readonly size: number | undefined;
  readonly fields: readonly WrittenField[];
}

/** Requests that come one after another on a connection. */
export const connections: fc.Arbitrary<readonly WrittenBlock[]> = fc.array(
  fc
    .record({
      size: fc.option(fc.constantFrom(0, 40, 128, 500, 4096, 20_000), { nil: undefined, freq: 12 }),
      path: fc.option(fc.tuple(paths, forms), { nil: undefined, freq: 8 }),
      others: fc.array(fc.tuple(names, texts, forms), { maxLength: 5 }),
      at: fc.nat(5),
    })
    .map(({ size, path, others, at }) => {
      const fields: WrittenField[] = others.map(([name, value, form]) => ({ field: [name, value], form }));
      if (path !== undefined) {
        fields.splice(at, 0, { field: [":path", path[0]], form: path[1] });
      }
      return { size, fields };
    }),
  { minLength: 1, maxLength: 40 },
);

export function write(encoder: Encoder, size: number | undefined, fields: readonly WrittenField[]): Buffer {
  return Buffer.concat([
    ...(size === undefined ? [] : [encoder.resize(size)]),
    ...fields.map(({ field, form }) => encoder.write(field, form)),
  ]);
}

export function pathIn(fields: readonly WrittenField[]): string {
  return fields.find(({ field: [name] }) => name === ":path")?.field[1] ?? "(none)";
}
