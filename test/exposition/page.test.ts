import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { test } from "node:test";
import { pageSecurityPolicy, renderPage } from "../../src/exposition/page.js";

const content = {
  name: "ringtap",
  version: "1.2.3",
  signals: [
    { name: "tcp", up: true, hooks: ["tp_btf/inet_sock_set_state", "raw_tp/tcp_retransmit_skb"] },
    { name: "file", up: false, hooks: ["no BTF"] },
  ],
};

test("shows name, version, signals with their hooks, and links", () => {
  const page = renderPage(content, ["/metrics", "/healthz"]);
  assert.match(page, /<h1>ringtap 1\.2\.3<\/h1>/);
  assert.match(page, /<td>tcp<\/td><td>up<\/td><td><code>tp_btf\/inet_sock_set_state<\/code><br><code>raw_tp/);
  assert.match(page, /<td>file<\/td><td>down<\/td><td><code>no BTF<\/code>/);
  assert.match(page, /<a href="\/metrics">\/metrics<\/a>/);
});

test("everything that comes from outside is escaped", () => {
  const hostile = `<script>"&'</script>`;
  const page = renderPage(
    { name: hostile, version: hostile, signals: [{ name: hostile, up: true, hooks: [hostile] }] },
    [`/"><script>`],
  );
  assert.ok(!page.includes("<script"));
  assert.ok(page.includes("&lt;script&gt;&quot;&amp;&#39;&lt;/script&gt;"));
});

test("it loads nothing, and the policy allows its style alone", () => {
  const page = renderPage(content, ["/metrics"]);
  assert.doesNotMatch(page, /src=|url\(|@import|https?:|<link|style=|<script/);
  const style = /<style>([^]*)<\/style>/.exec(page)?.[1] ?? "";
  const hash = createHash("sha256").update(style).digest("base64");
  assert.ok(pageSecurityPolicy.includes(`style-src 'sha256-${hash}'`));
  assert.ok(pageSecurityPolicy.startsWith("default-src 'none'; "));
});
