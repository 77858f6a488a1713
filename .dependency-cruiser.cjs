/**
 * The direction of imports (docs/architecture.md has the same table): binding → host → metrics → identity → net → sdk → bpf → engine →
 * signals, views, exposition → http → agent → cli, never back. Tests may import anything.
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
    {
      name: "no-unresolvable",
      severity: "error",
      from: {},
      to: { couldNotResolve: true, pathNot: "^ringtap(/signal|/bpf)?$" },
    },
    importsOnly("binding"),
    importsOnly("log"),
    importsOnly("net"),
    importsOnly("metrics"),
    importsOnly("config"),
    importsOnly("host", "binding"),
    importsOnly("identity", "binding", "metrics"),
    importsOnly("sdk", "config", "log", "binding", "host", "identity", "metrics", "net"),
    importsOnly("bpf", "sdk", "config", "log", "binding", "identity", "metrics"),
    importsOnly("engine", "sdk", "binding", "host", "identity", "metrics", "log"),
    importsOnly("views", "sdk", "engine", "binding", "identity", "metrics", "net"),
    importsOnly("exposition", "metrics"),
    importsOnly("http", "exposition", "config", "net", "metrics"),
    importsOnly("kubernetes", "metrics", "net"),
    {
      name: "signals-import-only-sdk",
      comment:
        "A built-in signal has what a user's own has: the public interfaces, ringtap/signal and ringtap/bpf, and the files of its own folder.",
      severity: "error",
      from: { path: "^src/signals/([^/]+)/" },
      to: { path: "^src/", pathNot: "^src/signals/$1/" },
    },
    importsOnly(
      "agent",
      "views",
      "exposition",
      "signals",
      "engine",
      "sdk",
      "binding",
      "host",
      "identity",
      "metrics",
      "log",
      "config",
    ),
    {
      name: "web-imports-what-is-shared",
      comment: "What runs in the browser has, of the agent, the types of what it is sent and pure functions.",
      severity: "error",
      from: { path: "^web/" },
      to: { pathNot: ["^web/", "^src/views/protocol\\.ts$", "^src/views/shared/"] },
    },
    {
      name: "shared-runs-in-browsers",
      comment: "What the page shares with the agent needs no Node, and nothing else of the agent but types.",
      severity: "error",
      from: { path: "^src/views/shared/" },
      to: { pathNot: ["^src/views/shared/", "^src/views/protocol\\.ts$", "^src/sdk/views\\.ts$"] },
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
      name: "addon-in-binding",
      comment: "Only src/binding/ loads the native addon.",
      severity: "error",
      from: { pathNot: "^src/binding/" },
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
