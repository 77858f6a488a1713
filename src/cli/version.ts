/** What package.json says of this package. Imports nothing that an old Node could not read. */
import { readFileSync } from "node:fs";

const manifest = new URL("../../../package.json", import.meta.url);

/**
 * The version of this package; in `engines.node` the oldest Node that it runs on, as `>=20.12`; among the `optionalDependencies` the
 * compiler of signals' modules, as `npm:typescript@^7.0.2`.
 */
export const { version, engines, optionalDependencies } = JSON.parse(readFileSync(manifest, "utf8")) as {
  version: string;
  engines: { node: string };
  optionalDependencies: { "typescript-native": string };
};
