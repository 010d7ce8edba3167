import assert from "node:assert/strict";
import { argon2Sync, createHash } from "node:crypto";
import { mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";

import { SecretBytes } from "@cinnabar/crypto";
import * as fc from "fast-check";

import {
  FileSeal,
  PassphraseSeal,
  ProvidedSeal,
  RootKey,
  type Seal,
  SealError,
  type SealErrorCode,
  ShamirSeal,
  type ShareCounts,
  type ShareGiver,
  type SharesGiven,
} from "../src/custody/index.ts";
import { deriveWrappingKey } from "../src/custody/passphrase-seal.ts";
import { encodeRootKeyFile } from "../src/custody/root-key-file.ts";
import { decodeShare, encodeShare } from "../src/custody/shamir-share.ts";

const MATERIAL = Buffer.from("000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", "hex");
const PASSPHRASE = "correct horse battery";

async function directory(t: TestContext): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), "cinnabar-seals-"));
  t.after(() => rm(path, { recursive: true }));
  return path;
}

function sealError(code: SealErrorCode, message: RegExp) {
  return (error: unknown) => {
    assert.ok(error instanceof SealError, String(error));
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    return true;
  };
}

function secret(text: string | Uint8Array): SecretBytes {
  return new SecretBytes(Buffer.from(text));
}

function passphraseSeal(path: string, passphrase = PASSPHRASE): { seal: PassphraseSeal; given: SecretBytes[] } {
  const given: SecretBytes[] = [];
  const seal = new PassphraseSeal(path, async () => {
    const bytes = secret(passphrase);
    given.push(bytes);
    return bytes;
  });
  return { seal, given };
}

/** Gives these shares, and keeps what was said of them. */
class Givers implements ShareGiver {
  readonly refusals: string[] = [];
  readonly taken: SharesGiven[] = [];
  readonly given: SecretBytes[] = [];
  readonly #shares: string[];

  constructor(shares: readonly string[]) {
    this.#shares = [...shares];
  }

  async next(): Promise<SecretBytes> {
    const share = this.#shares.shift();
    if (share === undefined) throw new Error("nobody has another share");
    const bytes = secret(share);
    this.given.push(bytes);
    return bytes;
  }

  accepted(progress: SharesGiven): void {
    this.taken.push(progress);
  }

  refused(error: SealError): void {
    assert.equal(error.code, "wrongSecret");
    this.refusals.push(error.message);
  }
}

async function newShamir(path: string, counts: ShareCounts): Promise<{ rootKey: RootKey; shares: string[] }> {
  const shares: string[] = [];
  const seal = new ShamirSeal(path, {
    counts,
    giver: new Givers([]),
    handOut: async (texts) => {
      for (const text of texts) shares.push(text.bytes.toString("latin1"));
    },
  });
  return { rootKey: await seal.create(), shares };
}

function shamirSeal(path: string, giver: ShareGiver, counts?: ShareCounts): ShamirSeal {
  return new ShamirSeal(path, { counts, giver, handOut: undefined });
}

async function changeField(path: string, change: (fields: Record<string, unknown>) => void): Promise<void> {
  const [line = "", ...rest] = (await readFile(path, "utf8")).split("\n");
  const fields = JSON.parse(rest.join("\n")) as Record<string, unknown>;
  change(fields);
  await writeFile(path, `${line}\n${JSON.stringify(fields)}\n`);
}

test("derives a passphrase's key by Argon2id", async () => {
  // RFC 9106, section 5.3: what Node computes.
  const tag = argon2Sync("argon2id", {
    message: Buffer.alloc(32, 1),
    nonce: Buffer.alloc(16, 2),
    secret: Buffer.alloc(8, 3),
    associatedData: Buffer.alloc(12, 4),
    parallelism: 4,
    tagLength: 32,
    memory: 32,
    passes: 3,
  });
  assert.equal(tag.toString("hex"), "0d640df58d78766c08c037a34a8b53c9d01ef0452d75b65eb52520e96b01e659");
  // A vector of the reference implementation (P-H-C/phc-winner-argon2, src/test.c): what is asked of it.
  const key = await deriveWrappingKey(Buffer.from("password"), {
    salt: Buffer.from("somesalt").toString("base64"),
    memoryKiB: 65_536,
    passes: 2,
    parallelism: 1,
  });
  assert.equal(key.export().toString("hex"), "09316115d5cf24ed5a15a31a3ba326e5cf32edc24702987c02b6566f61913cf7");
});

test("opens the sealed root keys of docs/formats/custody.md", async (t) => {
  const page = await readFile(new URL("../../../docs/formats/custody.md", import.meta.url), "utf8");
  const folder = await directory(t);
  const { checkValue } = new RootKey(MATERIAL);
  const example = async (kind: string) => {
    const [contents] =
      new RegExp(`^cinnabar sealed root key v1: ${kind}\\n\\{[^}]*\\{[^}]*\\}[^}]*\\}\\n`, "m").exec(page) ?? [];
    const path = join(folder, kind);
    await writeFile(path, contents ?? "");
    return path;
  };
  assert.equal((await passphraseSeal(await example("passphrase")).seal.open())?.checkValue, checkValue);
  const shares: readonly string[] = page.match(/^cinnabar-share-v1-\S+$/gm) ?? [];
  assert.equal(shares.length, 3);
  const path = await example("shamir");
  for (const left of [0, 1, 2]) {
    const givers = new Givers(shares.toSpliced(left, 1));
    assert.equal((await shamirSeal(path, givers).open())?.checkValue, checkValue);
  }
});

test("keeps a root key under a passphrase, and clears the passphrase", async (t) => {
  const path = join(await directory(t), "root.sealed");
  const { seal, given } = passphraseSeal(path);
  assert.equal(await seal.open(), undefined);
  assert.equal(await seal.claim(), undefined);
  const { checkValue } = await seal.create();
  assert.equal(await seal.claim(), checkValue);
  assert.equal((await seal.open())?.checkValue, checkValue);
  assert.equal((await stat(path)).mode & 0o777, 0o600);
  assert.deepEqual(await readdir(join(path, "..")), ["root.sealed"]);
  assert.equal(given.length, 2);
  for (const { bytes } of given) assert.ok(bytes.every((byte) => byte === 0));
  const text = await readFile(path, "utf8");
  assert.match(text, /^cinnabar sealed root key v1: passphrase\n\{\n/);
  assert.doesNotMatch(text, /horse/);
  await assert.rejects(seal.create(), sealError("exists", /never overwritten/));
  assert.equal(given.length, 2, "nobody is asked for the passphrase of a seal that cannot be made");
});

test("tells a wrong passphrase from a damaged file", async (t) => {
  const path = join(await directory(t), "root.sealed");
  const { seal } = passphraseSeal(path);
  await seal.create();
  await assert.rejects(
    passphraseSeal(path, "correct horse batterz").seal.open(),
    sealError("wrongSecret", /passphrase is not the one/),
  );
  const before = await readFile(path);
  const damages: readonly ((fields: Record<string, unknown>) => void)[] = [
    (fields) => (fields["rootKey"] = "A".repeat(22)),
    (fields) => (fields["wrapped"] = Buffer.alloc(61).toString("base64")),
    (fields) => (fields["wrapped"] = "not base64"),
    (fields) => (fields["extra"] = 1),
    (fields) => Object.assign(fields["parameters"] as object, { passes: 1e9 }),
    (fields) => delete fields["parameters"],
  ];
  for (const damage of damages) {
    await writeFile(path, before);
    await changeField(path, damage);
    await assert.rejects(seal.open(), sealError("damaged", /damaged/), damage.toString());
  }
  await writeFile(path, before.subarray(0, -3));
  await assert.rejects(seal.open(), sealError("damaged", /not JSON/));
});

test("refuses a passphrase that is too short, and writes nothing", async (t) => {
  const folder = await directory(t);
  const { seal, given } = passphraseSeal(join(folder, "root.sealed"), "elevenchars");
  await assert.rejects(seal.create(), sealError("notGiven", /at least 12/));
  assert.deepEqual(await readdir(folder), []);
  assert.ok(given[0]?.bytes.every((byte) => byte === 0));
});

test("names the kind of seal that a file really has", async (t) => {
  const folder = await directory(t);
  const [plain, passphrase] = [join(folder, "plain"), join(folder, "passphrase")];
  await new FileSeal(plain).create();
  await passphraseSeal(passphrase).seal.create();
  await assert.rejects(new FileSeal(passphrase).open(), sealError("unknownFormat", /of the kind passphrase/));
  await assert.rejects(
    shamirSeal(passphrase, new Givers([])).open(),
    sealError("unknownFormat", /passphrase, not shamir/),
  );
  await assert.rejects(passphraseSeal(plain).seal.claim(), sealError("unknownFormat", /first line/));
});

test("opens a Shamir seal with any shares enough, in any order, and no others", async (t) => {
  const path = join(await directory(t), "root.sealed");
  const counts = { threshold: 3, shares: 5 };
  const { rootKey, shares } = await newShamir(path, counts);
  assert.equal(shares.length, 5);
  for (const share of shares) assert.match(share, /^cinnabar-share-v1-[0-9a-f]{16}-[0-9a-f]{66}-[0-9a-f]{8}$/);
  await fc.assert(
    fc.asyncProperty(fc.shuffledSubarray(shares, { minLength: 3, maxLength: 5 }), async (some) => {
      const givers = new Givers(some);
      assert.equal((await shamirSeal(path, givers).open())?.checkValue, rootKey.checkValue);
      assert.deepEqual(
        givers.taken,
        [1, 2, 3].map((given) => ({ given, needed: 3 })),
      );
      for (const { bytes } of givers.given) assert.ok(bytes.every((byte) => byte === 0));
    }),
    { numRuns: 20 },
  );
  await assert.rejects(shamirSeal(path, new Givers(shares.slice(0, 2))).open(), /nobody has another share/);
  const text = await readFile(path, "utf8");
  for (const share of shares) assert.equal(text.includes(share.slice(35, 101)), false);
});

test("names each wrong share as such when it is given, and goes on", async (t) => {
  const folder = await directory(t);
  const path = join(folder, "root.sealed");
  const { rootKey, shares } = await newShamir(path, { threshold: 2, shares: 3 });
  const { shares: others } = await newShamir(join(folder, "other"), { threshold: 2, shares: 2 });
  const [one = "", two = ""] = shares;
  const { set } = decodeShare(Buffer.from(one));
  const forged = encodeShare({ set, share: Buffer.alloc(33, 7) }).bytes.toString();
  const wrong = ["hello", `${one.slice(0, 40)}${one[40] === "0" ? "1" : "0"}${one.slice(41)}`, others[0] ?? "", forged];
  const givers = new Givers([one, ...wrong, one, `\t ${two}\r\n`]);
  assert.equal((await shamirSeal(path, givers).open())?.checkValue, rootKey.checkValue);
  const [noShare, typed, ofAnother, invented, twice] = givers.refusals;
  assert.match(noShare ?? "", /not a share/);
  assert.match(typed ?? "", /not typed or copied/);
  assert.match(ofAnother ?? "", /another seal/);
  assert.match(invented ?? "", /another seal/);
  assert.match(twice ?? "", /already/);
  assert.equal(givers.refusals.length, 5);
});

test("makes a Shamir seal only where shares can be handed out, and writes nothing if that fails", async (t) => {
  const folder = await directory(t);
  const path = join(folder, "root.sealed");
  const giver = new Givers([]);
  const counts = { threshold: 2, shares: 3 };
  await assert.rejects(shamirSeal(path, giver, counts).create(), sealError("notGiven", /cinnabar init/));
  const uncounted = new ShamirSeal(path, { counts: undefined, giver, handOut: async () => {} });
  await assert.rejects(uncounted.create(), sealError("notGiven", /shamir:3of5/));
  const unprinted = new ShamirSeal(path, { counts, giver, handOut: () => Promise.reject(new Error("paper jam")) });
  await assert.rejects(unprinted.create(), /paper jam/);
  assert.deepEqual(await readdir(folder), []);
  await newShamir(path, counts);
  await assert.rejects(
    shamirSeal(path, giver, { threshold: 3, shares: 5 }).open(),
    sealError("unknownFormat", /2 of 3 shares, not with 3 of 5/),
  );
});

test("decodes every share it encodes, and none with one character changed", () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 8, maxLength: 8 }),
      fc.uint8Array({ minLength: 33, maxLength: 33 }),
      fc.nat(),
      fc.integer({ min: 1, max: 255 }),
      (set, share, at, change) => {
        const { bytes } = encodeShare({ set, share });
        const decoded = decodeShare(bytes);
        assert.deepEqual(
          [Buffer.from(decoded.set), Buffer.from(decoded.share.bytes)],
          [Buffer.from(set), Buffer.from(share)],
        );
        const changed = Buffer.from(bytes);
        changed.writeUInt8(changed.readUInt8(at % changed.length) ^ change, at % changed.length);
        assert.throws(() => decodeShare(changed), SealError);
      },
    ),
    { numRuns: 300 },
  );
});

test("encodes a share as documented", () => {
  const share = Buffer.from([...MATERIAL, 0xff]);
  const text = `cinnabar-share-v1-0011223344556677-${share.toString("hex")}`;
  const sum = createHash("sha256").update(text).digest("hex").slice(0, 8);
  const set = Buffer.from("0011223344556677", "hex");
  assert.equal(encodeShare({ set, share }).bytes.toString(), `${text}-${sum}`);
});

function provided(text: string | Uint8Array | undefined): { seal: ProvidedSeal; given: SecretBytes[] } {
  const given: SecretBytes[] = [];
  const read = async () => {
    if (text === undefined) return undefined;
    const bytes = secret(text);
    given.push(bytes);
    return bytes;
  };
  return { seal: new ProvidedSeal({ kind: "env", name: "ROOT_KEY_FILE", read }), given };
}

test("takes a root key from whoever keeps it, with or without the last line feed, and clears the text", async () => {
  const file = encodeRootKeyFile(MATERIAL);
  for (const text of [file, file.subarray(0, -1)]) {
    const { seal, given } = provided(text);
    assert.equal((await seal.open())?.checkValue, new RootKey(MATERIAL).checkValue);
    assert.ok(given[0]?.bytes.every((byte) => byte === 0));
  }
  assert.equal(await provided(undefined).seal.open(), undefined);
  await assert.rejects(provided("hello").seal.open(), sealError("unknownFormat", /env ROOT_KEY_FILE/));
  await assert.rejects(provided(file.subarray(0, -2)).seal.open(), sealError("damaged", /length/));
  await assert.rejects(provided(file).seal.create(), sealError("notOurs", /init --seal file/));
  await assert.rejects(provided(file).seal.stage(), sealError("notOurs", /Migrate to file/));
  assert.equal(await provided(file).seal.remove(), false);
});

test("stages a seal that counts only when it is published, and removes all there was of it", async (t) => {
  const folder = await directory(t);
  const path = join(folder, "root.key");
  const seal: Seal = new FileSeal(path);
  const rootKey = new RootKey(MATERIAL);
  {
    await using staged = await seal.stage(rootKey);
    assert.equal((await staged.open()).checkValue, rootKey.checkValue);
    assert.equal(await seal.open(), undefined);
  }
  assert.deepEqual(await readdir(folder), []);
  {
    await using staged = await seal.stage(rootKey);
    await staged.publish({ replace: false });
  }
  const other = new RootKey(Buffer.alloc(32, 1));
  {
    await using staged = await seal.stage(other);
    await assert.rejects(staged.publish({ replace: false }), sealError("exists", /never overwritten/));
    assert.equal((await seal.open())?.checkValue, rootKey.checkValue);
    await staged.publish({ replace: true });
  }
  assert.equal((await seal.open())?.checkValue, other.checkValue);
  assert.deepEqual(await readdir(folder), ["root.key"]);
  // What a kill leaves behind: the key in plaintext under another name.
  await writeFile(join(folder, ".root.key.0011223344556677"), "left over");
  await writeFile(join(folder, ".root.key.other"), "somebody else's");
  await symlink("root.key", join(folder, "link"));
  assert.equal(await new FileSeal(join(folder, "link")).remove(), true);
  assert.deepEqual(await readdir(folder), [".root.key.other"]);
  assert.equal(await seal.remove(), true);
});
