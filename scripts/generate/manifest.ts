/**
 * Writes deploy/kubernetes/ringtap.yaml: the chart with its usual values, for those who have no Helm.
 *
 *   node dist/scripts/generate/manifest.js            write it
 *   node dist/scripts/generate/manifest.js --check    exit 1 when it differs
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { helm } from "./helm.js";

const path = "deploy/kubernetes/ringtap.yaml";
const file = join(new URL("../../..", import.meta.url).pathname, path);

const heading = `# Rendered from deploy/helm/ringtap by \`npm run manifest\`: change the chart's values or templates, not this.
#
#   kubectl apply -f ${path}
`;

/** The release's name is the chart's, and the namespace's as well. */
function manifest(): string {
  const { status, stdout, stderr } = helm(
    ...["template", "ringtap", "deploy/helm/ringtap", "--namespace", "ringtap", "--set", "namespace.create=true"],
  );
  if (status !== 0) {
    throw new Error(`helm template: ${stderr}`);
  }
  return heading + stdout;
}

const text = manifest();
if (!process.argv.includes("--check")) {
  writeFileSync(file, text);
} else if (readFileSync(file, "utf8") !== text) {
  process.stderr.write(`${path} is stale: npm run manifest\n`);
  process.exitCode = 1;
}
