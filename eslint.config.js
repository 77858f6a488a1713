import { builtinModules } from "node:module";

import js from "@eslint/js";
import { defineConfig, globalIgnores } from "eslint/config";
import tseslint from "typescript-eslint";

/** `fs` and the like; they are written `node:fs`. */
const builtinsByBareName = builtinModules.map((name) => ({ name, message: `Write "node:${name}".` }));

export default defineConfig(
  globalIgnores(["build/", "dist/"]),
  js.configs.recommended,
  {
    files: ["**/*.ts"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: { parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname } },
    rules: {
      "@typescript-eslint/consistent-type-imports": "error",
      "@typescript-eslint/consistent-type-exports": "error",
      "@typescript-eslint/switch-exhaustiveness-check": ["error", { considerDefaultExhaustiveForUnions: true }],
      // A number in a message needs no String() around it.
      "@typescript-eslint/restrict-template-expressions": ["error", { allowNumber: true }],
      // assert.throws(() => close()) reads better than with braces.
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      // Its advice, `!`, is what no-non-null-assertion forbids: a checked read of a typed array is written `as number`.
      "@typescript-eslint/non-nullable-type-assertion-style": "off",
      eqeqeq: "error",
      "no-restricted-imports": ["error", { paths: builtinsByBareName }],
    },
  },
  {
    files: ["test/**/*.ts"],
    rules: {
      // node:test's describe() and it() return promises that the runner awaits.
      "@typescript-eslint/no-floating-promises": [
        "error",
        {
          allowForKnownSafeCalls: [
            { from: "package", package: "node:test", name: ["describe", "it", "test", "suite"] },
          ],
        },
      ],
    },
  },
  {
    // What is not defined, the compiler tells.
    files: ["docs/examples/*.mjs"],
    rules: { "no-undef": "off" },
  },
  {
    // A signal of a user's own is compiled by `ringtap signal build`, against the installed package.
    files: ["docs/examples/signal-*/**", "docs/examples/cookbook/*.ts"],
    extends: [tseslint.configs.disableTypeChecked],
    rules: { "no-undef": "off" },
  },
  {
    files: ["**/*.{js,cjs}"],
    languageOptions: { globals: { module: "writable", process: "readonly" } },
  },
);
