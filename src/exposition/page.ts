/** The page at `/`, for a person who follows a link to the agent. */
import { createHash } from "node:crypto";

/** One signal, as the page shows it. */
export interface PageSignal {
  readonly name: string;
  readonly up: boolean;
  /** The hooks it is attached to; when it is not up, why. */
  readonly hooks: readonly string[];
}

export interface PageContent {
  readonly name: string;
  readonly version: string;
  readonly signals: readonly PageSignal[];
}

const style = `
body { font: 16px/1.5 system-ui, sans-serif; max-width: 48rem; margin: 2rem auto; padding: 0 1rem; color-scheme: light dark }
table { border-collapse: collapse } th, td { text-align: left; vertical-align: top; padding: .25rem 1rem .25rem 0 }
code { font-family: ui-monospace, monospace }`;

/** Allows the page its own style and nothing else: no script, no request, no frame. */
export const pageSecurityPolicy = [
  "default-src 'none'",
  `style-src 'sha256-${createHash("sha256").update(style).digest("base64")}'`,
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, (character) => entities[character] ?? character);
}

function signalRow({ name, up, hooks }: PageSignal): string {
  const hookList = hooks.map((hook) => `<code>${escapeHtml(hook)}</code>`).join("<br>");
  return `<tr><td>${escapeHtml(name)}</td><td>${up ? "up" : "down"}</td><td>${hookList}</td></tr>`;
}

/** The HTML document. `links` are paths of this server. */
export function renderPage(content: PageContent, links: readonly string[]): string {
  const title = escapeHtml(`${content.name} ${content.version}`);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<title>${title}</title>
<style>${style}</style>
</head>
<body>
<h1>${title}</h1>
<table>
<thead><tr><th>Signal</th><th>State</th><th>Hooks</th></tr></thead>
<tbody>
${content.signals.map(signalRow).join("\n")}
</tbody>
</table>
<ul>
${links.map((link) => `<li><a href="${escapeHtml(link)}">${escapeHtml(link)}</a></li>`).join("\n")}
</ul>
</body>
</html>
`;
}
