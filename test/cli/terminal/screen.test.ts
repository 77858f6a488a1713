import assert from "node:assert/strict";
import { test } from "node:test";

import { Screen } from "../../../src/cli/terminal/screen.js";
import { runModule } from "../child.js";

/** A terminal that keeps what is written to it, in place of a stream; visible escapes. */
function terminal(): { screen: Screen; written: () => string } {
  let text = "";
  const stream = {
    fd: -1,
    columns: 80,
    rows: 24,
    write(chunk: string) {
      text += chunk.replaceAll("\u001b", "^");
      return true;
    },
  };
  return {
    screen: new Screen(stream as unknown as ConstructorParameters<typeof Screen>[0]),
    written() {
      const taken = text;
      text = "";
      return taken;
    },
  };
}

test("only lines that differ are written, in one synchronized update", () => {
  const { screen, written } = terminal();
  screen.draw(["one", "two", "three"]);
  assert.equal(written(), "^[?2026h^[1;1Hone^[K^[2;1Htwo^[K^[3;1Hthree^[K^[?2026l");
  screen.draw(["one", "TWO", "three"]);
  assert.equal(written(), "^[?2026h^[2;1HTWO^[K^[?2026l");
  screen.draw(["one", "TWO", "three"]);
  assert.equal(written(), "");
  screen.draw(["one"]);
  assert.equal(written(), "^[?2026h^[2;1H^[K^[3;1H^[K^[?2026l");
});

test("after a change of size everything is written anew", () => {
  const { screen, written } = terminal();
  screen.draw(["one"]);
  written();
  screen.invalidate();
  screen.draw(["one"]);
  assert.equal(written(), "^[2J^[?2026h^[1;1Hone^[K^[?2026l");
});

test("a crash gives the terminal back", () => {
  const program = `
    import { Screen } from "src/cli/terminal/screen.js";
    const stream = { fd: 2, columns: 80, rows: 24, write: () => true };
    new Screen(stream).open();
    setTimeout(() => { throw "crash"; });`;
  const { status, stderr } = runModule(program, []);
  assert.notEqual(status, 0);
  assert(stderr.includes("\u001b[?25h\u001b[?1049l"), stderr);
});
