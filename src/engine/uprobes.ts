/** Programs on functions of files that a signal finds while it runs. */
import type { BpfObject } from "../binding/native.js";
import type { UprobePlace, Uprobes } from "../sdk/signal.js";

/** See {@link SignalContext.attachUprobes}. */
export function attachUprobes(
  object: BpfObject,
  program: string,
  path: string,
  places: readonly UprobePlace[],
  { atReturn = false }: { readonly atReturn?: boolean } = {},
): Uprobes {
  const offsets = Uint32Array.from(places, ({ offset }) => offset);
  const cookies = Uint32Array.from(places, ({ cookie }) => cookie);
  const number = object.attachUprobes(program, path, offsets, cookies, atReturn);
  return {
    detach: () => {
      object.detachUprobes(number);
    },
  };
}
