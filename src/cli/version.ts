/** What package.json says of this package. Imports nothing that an old Node could not read. */
import { readFileSync } from "node:fs";

const manifest = new URL("../../../package.json", import.meta.url);

/** The version of this package, and in `engines.node` the oldest Node that it runs on, as `>=20.12`. */
export const { version, engines } = JSON.parse(readFileSync(manifest, "utf8")) as {
  version: string;
  engines: { node: string };
};
