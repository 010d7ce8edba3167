// Run it with `npm exec -- node --test examples/testing/secret-notes.test.mjs`, which takes the Node of the clone.
// It starts its own server and needs nothing else.
import assert from "node:assert/strict";
import { after, before, beforeEach, test } from "node:test";
import { startEmulator } from "@cinnabar/emulator";
import { openNotes } from "./secret-notes.mjs";

let kms;
let notes;

before(async () => {
  kms = await startEmulator();
});
after(() => kms.stop());
beforeEach(async () => {
  await kms.reset();
  notes = await openNotes(kms);
});

test("a note can be read again", async () => {
  assert.equal(await notes.read(await notes.write("remember the milk")), "remember the milk");
});

test("a service that is too busy is asked again", async () => {
  await kms.inject({ operation: "Encrypt", calls: 2, effect: { kind: "throttling", retryAfterMillis: 10 } });
  const note = await notes.write("patience");
  assert.equal(await notes.read(note), "patience");
});

test("an answer that was lost on its way is asked for again", async () => {
  const note = await notes.write("are you there?");
  await kms.inject({ operation: "Decrypt", calls: 1, effect: { kind: "drop", when: "after" } });
  assert.equal(await notes.read(note), "are you there?");
});

test("a service that stays busy is given up", async () => {
  await kms.inject({ operation: "Encrypt", effect: { kind: "throttling" } });
  await assert.rejects(notes.write("impatience"), /Throttling/);
});

test("notes that were to be forgotten in a year are", async () => {
  const note = await notes.write("not for ever");
  await notes.forgetIn(366);
  await kms.advance("P366D");
  await assert.rejects(notes.read(note), /Forbidden.KeyNotFound/);
});
