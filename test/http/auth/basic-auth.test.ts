/** Users and passwords. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { hashSync } from "bcryptjs";
import { createBasicAuth, type Verdict } from "../../../src/http/auth/basic-auth.js";

const users = new Map([
  ["alice", hashSync("wonderland", 4)],
  ["zoë", hashSync("pass:word é", 4)],
]);

function login(user: string, password: string): string {
  return `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
}

test("only the right password of a user is admitted, the first time and later", async () => {
  const authenticate = createBasicAuth(users);
  for (let round = 0; round < 2; round++) {
    for (const [header, verdict] of [
      [login("alice", "wonderland"), "admitted"],
      [login("alice", "wonderland").replace("Basic", "bAsIc "), "admitted"],
      [login("zoë", "pass:word é"), "admitted"],
      [login("alice", "Wonderland"), "refused"],
      [login("alice", ""), "refused"],
      [login("alice", "wonderland\0"), "refused"],
      [login("zoë", "wonderland"), "refused"],
      [login("bob", "wonderland"), "refused"],
      [login("", ""), "refused"],
      [undefined, "refused"],
      ["", "refused"],
      ["Basic", "refused"],
      ["Basic !", "refused"],
      [`Basic ${Buffer.from("alice").toString("base64")}`, "refused"],
      [`Basic ${Buffer.from("alice:\xff", "latin1").toString("base64")}`, "refused"],
      [login("alice", "wonderland").replace("Basic", "Bearer"), "refused"],
    ] as const) {
      assert.equal(await authenticate(header), verdict, String(header));
    }
  }
});

test("hashes of all three spellings that tools write", async () => {
  const hash = hashSync("secret", 4);
  for (const spelling of ["$2a$", "$2b$", "$2y$"]) {
    const authenticate = createBasicAuth(new Map([["alice", spelling + hash.slice(4)]]));
    assert.equal(await authenticate(login("alice", "secret")), "admitted", spelling);
    assert.equal(await authenticate(login("alice", "secreT")), "refused", spelling);
  }
});

test("a login that was right costs nothing the next time, and none holds the event loop", async () => {
  const authenticate = createBasicAuth(new Map([["alice", hashSync("wonderland", 11)]]));
  let longest = 0;
  let last = performance.now();
  const timer = setInterval(() => {
    longest = Math.max(longest, performance.now() - last);
    last = performance.now();
  }, 1);
  let start = performance.now();
  assert.equal(await authenticate(login("alice", "wonderland")), "admitted");
  const first = performance.now() - start;
  clearInterval(timer);
  start = performance.now();
  for (let count = 0; count < 100; count++) {
    assert.equal(await authenticate(login("alice", "wonderland")), "admitted");
  }
  const later = (performance.now() - start) / 100;
  assert(first > 50, `the comparison took only ${first} ms: too little to tell anything`);
  assert(later < first / 50, `${later} ms after ${first} ms`);
  assert(longest < first / 2, `the event loop stood still for ${longest} of ${first} ms`);
});

test("a name that is no user's is refused as late as a wrong password", async () => {
  const authenticate = createBasicAuth(new Map([["alice", hashSync("wonderland", 11)]]));
  const times = new Map<string, number>();
  for (const user of ["alice", "nobody"]) {
    const start = performance.now();
    assert.equal(await authenticate(login(user, "guess")), "refused");
    times.set(user, performance.now() - start);
  }
  const [alice = 0, nobody = 0] = times.values();
  assert(nobody > alice / 2 && nobody < alice * 2, JSON.stringify([...times]));
});

test("of many guesses at once a few wait, the rest are told to come later; who is known is let in", async () => {
  const authenticate = createBasicAuth(new Map([["alice", hashSync("wonderland", 8)]]));
  assert.equal(await authenticate(login("alice", "wonderland")), "admitted");
  const verdicts = new Map<Verdict, number>();
  const guesses = Array.from({ length: 100 }, async (_, guess) => {
    const verdict = await authenticate(login("alice", `guess ${guess}`));
    verdicts.set(verdict, (verdicts.get(verdict) ?? 0) + 1);
  });
  assert.equal(await authenticate(login("alice", "wonderland")), "admitted");
  assert.equal(verdicts.get("refused") ?? 0, 0, "the known one had to wait");
  await Promise.all(guesses);
  assert.deepEqual(Object.fromEntries(verdicts), { busy: 84, refused: 16 });
  assert.equal(await authenticate(login("alice", "guess 0")), "refused");
});

test("the same login many times at once is compared once", async () => {
  const authenticate = createBasicAuth(new Map([["alice", hashSync("wonderland", 8)]]));
  const verdicts = await Promise.all(Array.from({ length: 100 }, () => authenticate(login("alice", "wonderland"))));
  assert.deepEqual(new Set(verdicts), new Set(["admitted"]));
});
