/** Where the public interfaces of signals lie. The bundle of the command has others in place of these: scripts/package/bundle.ts. */

/** The modules of this installation, by what users' own signals import. */
export const interfaces: readonly (readonly [specifier: string, url: string])[] = [
  ["ringtap/signal", new URL("../sdk/index.js", import.meta.url).href],
  ["ringtap/bpf", new URL("../bpf/index.js", import.meta.url).href],
];
