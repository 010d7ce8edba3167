import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inflateSync } from "node:zlib";
import { forEachDatabase } from "@cinnabar/testkit";
import decodeQr from "qr/decode.js";
import { encodeBase32 } from "../src/mfa/base32.ts";
import { qrCodePng } from "../src/mfa/qr-code-png.ts";
import { areConsecutiveCodes, totpCode } from "../src/mfa/totp.ts";
import { PolicyWorld } from "./support/policy-world.ts";

const STEP_MILLIS = 30_000;

test("codes are those of RFC 6238, appendix B", () => {
  const seed = Buffer.from("12345678901234567890");
  const vectors: [seconds: number, code: string][] = [
    [59, "94287082"],
    [1111111109, "07081804"],
    [1111111111, "14050471"],
    [1234567890, "89005924"],
    [2000000000, "69279037"],
    [20000000000, "65353130"],
  ];
  for (const [seconds, code] of vectors) assert.equal(totpCode(seed, Math.floor(seconds / 30), 8), code);
});

test("codes are those of RFC 4226, appendix D", () => {
  const seed = Buffer.from("12345678901234567890");
  const codes = ["755224", "287082", "359152", "969429", "338314", "254676", "287922", "162583", "399871", "520489"];
  assert.deepEqual(
    codes.map((_, count) => totpCode(seed, count)),
    codes,
  );
});

test("takes two codes that follow one another, a step early or late, and no others", () => {
  const seed = Buffer.from("12345678901234567890");
  const step = 1_000_000;
  const takes = (first: number, second: number): boolean =>
    areConsecutiveCodes(seed, {
      first: totpCode(seed, first),
      second: totpCode(seed, second),
      at: step * STEP_MILLIS + 7_000,
    });
  const taken: string[] = [];
  for (let first = -4; first <= 4; first++) {
    for (let second = -4; second <= 4; second++)
      if (takes(step + first, step + second)) taken.push(`${first} ${second}`);
  }
  assert.deepEqual(taken, ["-2 -1", "-1 0", "0 1"]);
});

test("seeds are written as RFC 4648, section 10, writes them", () => {
  const vectors = {
    "": "",
    f: "MY",
    fo: "MZXQ",
    foo: "MZXW6",
    foob: "MZXW6YQ",
    fooba: "MZXW6YTB",
    foobar: "MZXW6YTBOI",
  };
  for (const [text, base32] of Object.entries(vectors)) assert.equal(encodeBase32(Buffer.from(text)), base32);
});

test("a QR code is a PNG that a reader reads", () => {
  for (const text of ["otpauth://totp/a?secret=MZXW6YTBOI", "x".repeat(300)]) {
    assert.equal(decodeQr(readPng(qrCodePng(text))), text);
  }
});

/** A greyscale image of one bit a pixel, without filters, as RGB. */
function readPng(png: Buffer): { width: number; height: number; data: Uint8Array } {
  assert.equal(png.toString("hex", 0, 8), "89504e470d0a1a0a");
  const chunks = new Map<string, Buffer>();
  for (let at = 8; at < png.length;) {
    const length = png.readUInt32BE(at);
    chunks.set(png.toString("latin1", at + 4, at + 8), png.subarray(at + 8, at + 8 + length));
    at += 12 + length;
  }
  const header = chunks.get("IHDR");
  const rows = inflateSync(chunks.get("IDAT") ?? Buffer.alloc(0));
  assert(header !== undefined && chunks.has("IEND"));
  const [width, height] = [header.readUInt32BE(0), header.readUInt32BE(4)];
  const rowBytes = 1 + Math.ceil(width / 8);
  const data = new Uint8Array(width * height * 3);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      const isWhite = ((rows[y * rowBytes + 1 + (x >> 3)] ?? 0) & (0x80 >> (x & 7))) !== 0;
      data.fill(isWhite ? 255 : 0, (y * width + x) * 3, (y * width + x) * 3 + 3);
    }
  }
  return { width, height, data };
}

interface Made {
  readonly VirtualMFADevice: Readonly<Record<"SerialNumber" | "Base32StringSeed" | "QRCodePNG", string>>;
}

forEachDatabase((database) => {
  let world: PolicyWorld;
  before(async () => {
    world = await PolicyWorld.open(database);
    for (const UserName of ["alice", "bob"]) await world.ok("CreateUser", { UserName });
  });
  after(() => world[Symbol.asyncDispose]());

  const codes = (seed: string): Record<"AuthenticationCode1" | "AuthenticationCode2", string> => {
    const bytes = decodeBase32(seed);
    const step = Math.floor(world.now / STEP_MILLIS);
    return { AuthenticationCode1: totpCode(bytes, step - 1), AuthenticationCode2: totpCode(bytes, step) };
  };

  test("a device is made with a seed that is shown once, bound by two codes, unbound, and deleted", async () => {
    const { result, noted } = await world.call("CreateVirtualMFADevice", { VirtualMFADeviceName: "phone" });
    const { VirtualMFADevice: device } = result as unknown as Made;
    const { SerialNumber, Base32StringSeed: seed } = device;
    assert.equal(SerialNumber, `acs:ram::${world.accountId}:mfa/phone`);
    assert.match(seed, /^[A-Z2-7]{32}$/);
    assert.ok(!JSON.stringify(noted).includes(seed));
    const uri = decodeQr(readPng(Buffer.from(device.QRCodePNG, "base64")));
    assert.equal(
      uri,
      `otpauth://totp/Cinnabar:phone@${world.accountId}?secret=${seed}&issuer=Cinnabar&algorithm=SHA1&digits=6&period=30`,
    );
    assert.deepEqual(await world.ok("ListVirtualMFADevices"), {
      VirtualMFADevices: { VirtualMFADevice: [{ SerialNumber }] },
    });

    const bind = { UserName: "alice", SerialNumber, ...codes(seed) };
    const wrong = { ...bind, AuthenticationCode2: bind.AuthenticationCode1 };
    assert.equal(await world.code("BindMFADevice", wrong), "CheckAuthenticationCodeFail");
    assert.equal(
      await world.code("BindMFADevice", { ...bind, AuthenticationCode1: "12345" }),
      "InvalidParameter.AuthenticationCode.Format",
    );
    assert.equal(await world.code("GetUserMFAInfo", { UserName: "alice" }), "EntityNotExist.User.MFADevice");
    assert.deepEqual(await world.ok("BindMFADevice", bind), {});
    assert.deepEqual(await world.ok("GetUserMFAInfo", { UserName: "alice" }), {
      MFADevice: { SerialNumber, Type: "VMFA" },
    });
    const { VirtualMFADevices } = await world.ok<{ VirtualMFADevices: { VirtualMFADevice: { User: object }[] } }>(
      "ListVirtualMFADevices",
    );
    assert.partialDeepStrictEqual(VirtualMFADevices.VirtualMFADevice, [
      { SerialNumber, ActivateDate: "2026-01-02T03:04:05Z", User: { UserName: "alice" } },
    ]);

    assert.equal(
      await world.code("BindMFADevice", { ...bind, UserName: "bob" }),
      "EntityAlreadyExists.VirtualMFADevice.User",
    );
    assert.equal(await world.code("DeleteUser", { UserName: "alice" }), "DeleteConflict.User.MFADevice");
    assert.equal(await world.code("DeleteVirtualMFADevice", { SerialNumber }), "DeleteConflict.VirtualMFADevice.User");
    assert.deepEqual(await world.ok("UnbindMFADevice", { UserName: "alice" }), { MFADevice: { SerialNumber } });
    assert.equal(await world.code("UnbindMFADevice", { UserName: "alice" }), "EntityNotExist.User.MFADevice");
    assert.deepEqual(await world.ok("DeleteVirtualMFADevice", { SerialNumber }), {});
    assert.equal(await world.code("DeleteVirtualMFADevice", { SerialNumber }), "EntityNotExist.VirtualMFADevice");
  });

  test("a user has one device, and a name is one device's", async () => {
    const [one, two] = await Promise.all(
      ["one", "two"].map((VirtualMFADeviceName) => world.ok<Made>("CreateVirtualMFADevice", { VirtualMFADeviceName })),
    );
    assert(one !== undefined && two !== undefined);
    for (const [{ VirtualMFADevice }, code] of [
      [one, undefined],
      [two, "EntityAlreadyExists.User.MFADevice"],
    ] as const) {
      const { SerialNumber, Base32StringSeed } = VirtualMFADevice;
      const bind = { UserName: "bob", SerialNumber, ...codes(Base32StringSeed) };
      assert.equal(await world.code("BindMFADevice", bind), code);
    }
    assert.equal(
      await world.code("CreateVirtualMFADevice", { VirtualMFADeviceName: "one" }),
      "EntityAlreadyExists.VirtualMFADevice",
    );
    assert.equal(
      await world.code("CreateVirtualMFADevice", { VirtualMFADeviceName: "a/b" }),
      "InvalidParameter.VirtualMFADeviceName.InvalidChars",
    );
    assert.equal(
      await world.code("CreateVirtualMFADevice", { VirtualMFADeviceName: "x".repeat(65) }),
      "InvalidParameter.VirtualMFADeviceName.Length",
    );
  });

  test("a serial number of another account, or of none, is nobody's", async () => {
    for (const SerialNumber of [
      "acs:ram::1000000000000000:mfa/one",
      `acs:ram::${world.accountId}:user/one`,
      `acs:ram::${world.accountId}:mfa/`,
      `acs:ram::${world.accountId}:mfa/none`,
      "one",
    ]) {
      const bind = { UserName: "alice", SerialNumber, AuthenticationCode1: "000000", AuthenticationCode2: "000000" };
      assert.equal(await world.code("BindMFADevice", bind), "EntityNotExist.VirtualMFADevice", SerialNumber);
      assert.equal(await world.code("DeleteVirtualMFADevice", { SerialNumber }), "EntityNotExist.VirtualMFADevice");
    }
  });

  test("a seed that was put under another device's name does not open", async () => {
    const made = await world.ok<Made>("CreateVirtualMFADevice", { VirtualMFADeviceName: "moved" });
    await world.tamper("update virtual_mfa_device set name = 'elsewhere' where name = 'moved'");
    const SerialNumber = made.VirtualMFADevice.SerialNumber.replace("moved", "elsewhere");
    const bind = { UserName: "alice", SerialNumber, ...codes(made.VirtualMFADevice.Base32StringSeed) };
    await assert.rejects(world.call("BindMFADevice", bind), /virtual_mfa_device/);
  });
});

function decodeBase32(text: string): Buffer {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
  const bits = Array.from(text, (character) => alphabet.indexOf(character).toString(2).padStart(5, "0")).join("");
  return Buffer.from(bits.match(/.{8}/g)?.map((byte) => Number.parseInt(byte, 2)) ?? []);
}
