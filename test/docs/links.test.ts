/** What the documents point to is there. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";

import { signals } from "../../src/signals/index.js";
import { anchors, documents, fences, isThere, listFolder, prose, readDocument, section } from "./documents.js";

describe("links", () => {
  for (const document of documents()) {
    it(`of ${document} lead to files and headings that are there`, () => {
      const text = prose(readDocument(document));
      for (const [link, target = ""] of text.matchAll(/\[[^\]]*\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target)) {
          continue;
        }
        const [path = "", heading] = target.split("#");
        assert(path === "" || isThere(path, document), link);
        if (heading !== undefined) {
          const folder = document.startsWith("docs/") && !path.startsWith("../") ? "docs/" : "";
          const page = path === "" ? document : `${folder}${path.replace("../", "")}`;
          assert(anchors(readDocument(page)).includes(heading), link);
        }
      }
    });
  }
});

/** The example of CONTRIBUTING.md adds a signal that is not there. */
function isOfExample(path: string): boolean {
  return /\block\b/.test(path);
}

describe("paths", () => {
  for (const document of documents()) {
    it(`that ${document} names are there`, () => {
      const text = readDocument(document);
      const inline = Array.from(prose(text).matchAll(/`([^`\n]+)`/g), ([, code = ""]) => code);
      const commands = fences(text)
        .filter(({ language }) => language === "sh" || language === "console")
        .flatMap(({ code }) => code.split(/\s+/));
      const named = [...inline, ...commands].flatMap((code) =>
        Array.from(code.matchAll(/(?:^|\s)((?:bpf|native|src|test|scripts|docs)\/[\w./-]*)/g), ([, path = ""]) => path),
      );
      for (const path of named) {
        assert(isOfExample(path) || isThere(path), `${document}: ${path}`);
      }
    });
  }

  it("of npm scripts are in package.json", () => {
    const manifest = JSON.parse(readDocument("package.json")) as { scripts: Record<string, string> };
    const scripts = Object.keys(manifest.scripts);
    for (const document of documents()) {
      for (const [command, name = ""] of readDocument(document).matchAll(/\bnpm run (\w[\w:-]*)/g)) {
        assert(scripts.includes(name), `${document}: ${command}`);
      }
    }
  });
});

describe("docs/architecture.md", () => {
  const text = readDocument("docs/architecture.md");

  it("has every public header of BPF programs", () => {
    const written = Array.from(text.matchAll(/^\| `ringtap\/(\S+)`/gm), ([, name]) => name);
    assert.deepEqual(written.toSorted(), listFolder("bpf/include/ringtap").toSorted());
  });

  it("has every folder of src/", () => {
    const table = section(text, "## The one way data flows");
    const written = Array.from(table.matchAll(/^\| `(\w+)\/` \|/gm), ([, name]) => name);
    assert.deepEqual(written.toSorted(), listFolder("src").toSorted());
  });
});

describe("README.md", () => {
  it("has a row for each signal, with its BPF program", () => {
    const rows = section(readDocument("README.md"), "## Metrics").split("\n");
    for (const { name, object } of signals) {
      const program = object instanceof URL ? `bpf/${name}/${name}.bpf.c` : `src/signals/${name}/signal.ts`;
      assert(
        rows.some((row) => row.startsWith(`| \`${name}\` | \`${program}\` |`)),
        name,
      );
    }
  });
});
