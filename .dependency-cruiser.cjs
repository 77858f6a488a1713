/**
 * The direction of imports (CONTRIBUTING.md): kernel → signals → metrics → exposition → cli, never back. Tests may import
 * anything.
 */

/** One rule: files of src/<folder>/ import, of src/, only their own folder and the folders named. */
function importsOnly(folder, ...others) {
  return {
    name: `${folder}-imports-only-${others.join("-") || "itself"}`,
    severity: "error",
    from: { path: `^src/${folder}/` },
    to: { path: "^src/", pathNot: `^src/(${[folder, ...others].join("|")})/` },
  };
}

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    { name: "no-cycles", severity: "error", from: {}, to: { circular: true } },
    { name: "no-unresolvable", severity: "error", from: {}, to: { couldNotResolve: true, pathNot: "^ringtap$" } },
    importsOnly("kernel"),
    importsOnly("metrics"),
    importsOnly("generated", "kernel"),
    importsOnly("identity", "kernel", "generated", "metrics"),
    importsOnly("signals", "kernel", "generated", "identity", "metrics"),
    importsOnly("live", "signals", "kernel", "generated", "identity", "metrics"),
    importsOnly("exposition", "metrics"),
    importsOnly("kubernetes", "metrics"),
    importsOnly("agent", "live", "exposition", "signals", "kernel", "generated", "identity", "metrics"),
    {
      name: "web-stands-alone",
      comment: "What runs in the browser has, of the agent, the types of what it is sent.",
      severity: "error",
      from: { path: "^web/" },
      to: { pathNot: ["^web/", "^src/live/protocol\\.ts$"] },
    },
    {
      name: "only-cli-composes",
      comment: "Nothing in src/ imports the composition root.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/cli/" },
      to: { path: "^src/cli/" },
    },
    {
      name: "prom-client-in-exposition",
      comment: "The tables know nothing of the library that may show them.",
      severity: "error",
      from: { path: "^src/", pathNot: "^src/(exposition|agent|cli)/" },
      to: { path: "node_modules/prom-client" },
    },
    {
      name: "addon-in-kernel",
      comment: "Only src/kernel/ loads the native addon.",
      severity: "error",
      from: { pathNot: "^src/kernel/" },
      to: { path: "\\.node$" },
    },
    {
      name: "no-tests-in-sources",
      severity: "error",
      from: { path: "^(src|scripts)/" },
      to: { path: "^test/" },
    },
    {
      name: "no-development-packages-in-sources",
      severity: "error",
      from: { path: "^src/" },
      to: { dependencyTypes: ["npm-dev"], pathNot: "node_modules/@types/" },
    },
  ],
  options: {
    tsConfig: { fileName: "tsconfig.json" },
    // Imports of types alone bind folders too.
    tsPreCompilationDeps: true,
    doNotFollow: { path: ["node_modules", "^dist"] },
  },
};
