/** Certificates for tests, made by openssl(1). */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Scope } from "../kernel/support/scope.js";

/** A certificate and its key, PEM. */
export interface Identity {
  readonly cert: string;
  readonly key: string;
}

/** A certificate authority in a folder of its own. */
export interface Authority {
  readonly folder: string;
  readonly cert: string;
  /** Issues `<name>.pem` and `<name>.key`, for these subject alternative names as openssl writes them: `DNS:x,IP:::1`. */
  issue: (name: string, alternativeNames: string) => Identity;
}

const newKey = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];

/** A folder that goes when the test ends. */
export function temporaryFolder(context: Scope): string {
  const folder = mkdtempSync(join(tmpdir(), "ringtap-web-"));
  context.after(() => {
    rmSync(folder, { recursive: true });
  });
  return folder;
}

/** Makes an authority, `ca.pem` and `ca.key` in a folder that goes when the test ends. */
export function createAuthority(context: Scope): Authority {
  const folder = temporaryFolder(context);
  const openssl = (...args: readonly string[]): void => {
    execFileSync("openssl", args, { cwd: folder, stdio: "pipe" });
  };
  const read = (name: string): string => readFileSync(join(folder, name), "utf8");
  openssl(
    "req",
    "-x509",
    ...newKey,
    "-keyout",
    "ca.key",
    "-out",
    "ca.pem",
    "-days",
    "2",
    "-subj",
    "/CN=test authority",
  );
  return {
    folder,
    cert: read("ca.pem"),
    issue(name, alternativeNames) {
      writeFileSync(join(folder, `${name}.ext`), `subjectAltName=${alternativeNames}\n`);
      openssl("req", ...newKey, "-keyout", `${name}.key`, "-out", `${name}.csr`, "-subj", `/CN=${name}`);
      openssl(
        ...["x509", "-req", "-in", `${name}.csr`, "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"],
        ...["-days", "2", "-extfile", `${name}.ext`, "-out", `${name}.pem`],
      );
      return { cert: read(`${name}.pem`), key: read(`${name}.key`) };
    },
  };
}
