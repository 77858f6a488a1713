/** Reading the documents of this checkout. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { dirname, join, normalize } from "node:path";

const root = new URL("../../../", import.meta.url).pathname;

/** A document's text, by its path in the checkout. */
export function readDocument(path: string): string {
  return readFileSync(join(root, path), "utf8");
}

/** README.md, CONTRIBUTING.md and docs/. */
export function documents(): readonly string[] {
  const pages = readdirSync(join(root, "docs")).filter((name) => name.endsWith(".md"));
  return ["README.md", "CONTRIBUTING.md", ...pages.map((name) => `docs/${name}`)];
}

/** Names in a folder of the checkout. */
export function listFolder(path: string): readonly string[] {
  return readdirSync(join(root, path));
}

/** Is there a file or folder of this path, relative to the document `from`? */
export function isThere(path: string, from = ""): boolean {
  return existsSync(join(root, normalize(join(dirname(from), path))));
}

/** The section under a heading such as `## ringtap run`, up to the next of its rank or above. */
export function section(text: string, heading: string): string {
  const lines = text.split("\n");
  const start = lines.indexOf(heading);
  if (start < 0) {
    throw new Error(`no heading ${JSON.stringify(heading)}`);
  }
  const rank = heading.indexOf(" ");
  const length = lines.slice(start + 1).findIndex((line) => {
    const [hashes = ""] = /^#+(?= )/.exec(line) ?? [];
    return hashes !== "" && hashes.length <= rank;
  });
  return lines.slice(start, length < 0 ? undefined : start + 1 + length).join("\n");
}

/** The cells of all table rows whose first cell is in code style, without that style. */
export function codeRows(text: string): readonly (readonly string[])[] {
  return text
    .split("\n")
    .filter((line) => line.startsWith("| `"))
    .map((line) =>
      line
        .split(/(?<!\\)\|/)
        .slice(1, -1)
        .map((cell) => cell.trim().replace(/^`(.*)`$/, "$1")),
    );
}

/** A fenced block of code. */
export interface Fence {
  readonly language: string;
  readonly code: string;
}

/** The fenced blocks of a document. */
export function fences(text: string): readonly Fence[] {
  return Array.from(text.matchAll(/^```(\w*)\n([\s\S]*?)^```$/gm), ([, language = "", code = ""]) => ({
    language,
    code,
  }));
}

/** A document without its fenced blocks. */
export function prose(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, "");
}

/** The anchor that GitHub gives a heading. */
function anchor(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\w\- ]/g, "")
    .replace(/ /g, "-");
}

/** The anchors of a page's headings and of `<a id>`; headings that are called the same are numbered. */
export function anchors(text: string): readonly string[] {
  const seen = new Map<string, number>();
  const ofHeadings = Array.from(prose(text).matchAll(/^#+ (.*)$/gm), ([, heading = ""]) => {
    const name = anchor(heading);
    const before = seen.get(name) ?? 0;
    seen.set(name, before + 1);
    return before === 0 ? name : `${name}-${before}`;
  });
  return [...ofHeadings, ...Array.from(text.matchAll(/<a id="([^"]+)">/g), ([, id = ""]) => id)];
}
