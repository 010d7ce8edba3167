import type { CallParameters, CinnabarClient } from "@cinnabar/client";
import { IMPORT_WRAPPINGS, type ImportWrapping, KeyFormatError, wrapForImport } from "@cinnabar/crypto";
import { formatTimestamp } from "@cinnabar/rpc";
import { text } from "../answer-fields.ts";
import { type DryRun, dryRun, printDryRun } from "../dry-run.ts";
import { Failure, UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { materialSpecOf } from "../material/material-spec.ts";
import { type Material, readMaterial } from "../material/read-material.ts";
import { type ServiceOptions, withClient } from "../service.ts";
import { printable } from "../table.ts";

export interface KeyImportOptions extends ServiceOptions {
  readonly wrapping?: string;
  /** ISO 8601. */
  readonly expires?: string;
  readonly keyVersion?: string;
  readonly newVersion?: true;
  readonly dryRun?: true;
  readonly json?: true;
}

/** `cinnabar key import KEY FILE` */
export async function keyImport(
  { key, file }: { readonly key: string; readonly file: string },
  options: KeyImportOptions,
  io: Io,
): Promise<void> {
  if (options.newVersion === true && options.keyVersion !== undefined) {
    throw new UsageFailure("A new version has no id yet: give --new-version or --key-version.");
  }
  const wrapping = options.wrapping === undefined ? undefined : toWrapping(options.wrapping);
  const expires = options.expires === undefined ? 0 : toUnixSeconds(options.expires);
  const imported = await withClient(options, io, async (client) => {
    const { KeySpec: keySpec, KeyId: keyId } = await describe(client, key);
    const spec = materialSpecOf(text(keySpec));
    if (spec === undefined)
      throw new Failure(`How the material of a ${printable(text(keySpec))} key is imported is not known.`);
    using material = await readMaterial(file, spec, io);
    const request = {
      keyId: text(keyId),
      keyVersion: options.keyVersion,
      wrapping: wrapping ?? spec.wrapping,
      material,
      expires,
    };
    const isNew = options.newVersion === true;
    // Awaited here: the material is cleared when this block ends.
    if (options.dryRun === true) return await tryImport(client, request, isNew);
    if (isNew) await client.call("CreateKeyVersion", { KeyId: text(keyId) });
    return await importInto(client, request);
  });
  if ("what" in imported) await printDryRun(imported, { what: imported.what, json: options.json }, io);
  else await print(imported, options, io);
}

interface ImportRequest {
  readonly keyId: string;
  readonly keyVersion: string | undefined;
  readonly wrapping: ImportWrapping;
  readonly material: Material;
  readonly expires: number;
}

interface Imported {
  readonly keyId: string;
  readonly wrapping: ImportWrapping;
  readonly fingerprint: string;
  /** Whether the service has computed the same; not every service says. */
  readonly isConfirmed: boolean;
  /** Seconds since 1970; 0 means never. */
  readonly expires: number;
}

async function describe(client: CinnabarClient, key: string): Promise<Readonly<Record<string, unknown>>> {
  const { KeyMetadata } = await client.call("DescribeKey", { KeyId: key });
  if (typeof KeyMetadata !== "object" || KeyMetadata === null)
    throw new Failure("The answer tells nothing about the key.");
  return { ...KeyMetadata };
}

/** A version is there to be asked about its material only once it was made. */
async function tryImport(
  client: CinnabarClient,
  request: ImportRequest,
  isNew: boolean,
): Promise<DryRun & { readonly what: string }> {
  if (isNew) {
    const made = await dryRun(client, { action: "CreateKeyVersion", parameters: { KeyId: request.keyId } });
    return { ...made, what: "Making a version for the material, which is not tried before there is one," };
  }
  const { parameters } = await wrapFor(client, request);
  return { ...(await dryRun(client, { action: "ImportKeyMaterial", parameters })), what: "Importing the material" };
}

async function importInto(client: CinnabarClient, request: ImportRequest): Promise<Imported> {
  const { keyId, wrapping, material, expires } = request;
  const { importToken, parameters } = await wrapFor(client, request);
  const answer = await client.call("ImportKeyMaterial", parameters);
  const fingerprint = material.fingerprint(Buffer.from(importToken, "base64"));
  const { KeyMaterialFingerprint: theirs } = answer;
  if (theirs !== undefined && theirs !== fingerprint) {
    throw new Failure(
      `The service has imported other material than was sent: its fingerprint is ${printable(text(theirs))}, not ${fingerprint}. Delete it with DeleteKeyMaterial, and import into another key.`,
    );
  }
  return { keyId, wrapping, fingerprint, isConfirmed: theirs !== undefined, expires };
}

/** The parameters of the import, with the material wrapped. */
async function wrapFor(
  client: CinnabarClient,
  { keyId, keyVersion, wrapping, material, expires }: ImportRequest,
): Promise<{ readonly importToken: string; readonly parameters: CallParameters }> {
  const parameters = await client.call("GetParametersForImport", {
    KeyId: keyId,
    WrappingAlgorithm: wrapping,
    WrappingKeySpec: IMPORT_WRAPPINGS[wrapping].wrappingKeySpec,
    KeyVersionId: keyVersion,
  });
  const importToken = text(parameters["ImportToken"]);
  return {
    importToken,
    parameters: {
      KeyId: keyId,
      ImportToken: importToken,
      EncryptedKeyMaterial: wrap(material, { wrapping, publicKey: text(parameters["PublicKey"]) }),
      KeyMaterialExpireUnix: expires,
    },
  };
}

function wrap(
  { bytes }: Material,
  { wrapping, publicKey }: { readonly wrapping: ImportWrapping; readonly publicKey: string },
): string {
  try {
    return wrapForImport({ wrapping, wrappingKey: Buffer.from(publicKey, "base64"), material: bytes }).toString(
      "base64",
    );
  } catch (error) {
    if (error instanceof KeyFormatError) {
      throw new Failure(`The service's public key cannot be used: ${error.message}`, { cause: error });
    }
    if (error instanceof RangeError) throw new UsageFailure(`${wrapping} cannot carry that: ${error.message}.`);
    throw error;
  }
}

async function print(imported: Imported, { json }: KeyImportOptions, io: Io): Promise<void> {
  const { keyId, wrapping, fingerprint, isConfirmed, expires } = imported;
  const materialExpireTime = expires === 0 ? "" : formatTimestamp(expires * 1000);
  if (json === true) {
    await write(io.stdout, `${JSON.stringify({ keyId, wrapping, fingerprint, isConfirmed, materialExpireTime })}\n`);
    return;
  }
  const end = expires === 0 ? "It does not expire" : `It expires at ${materialExpireTime}`;
  const said = isConfirmed ? "which the service has computed too" : "of which the service says nothing";
  await write(
    io.stdout,
    `Imported the material of the key ${printable(keyId)}. ${end}.\nIts fingerprint is ${fingerprint}, ${said}.\n`,
  );
}

function toWrapping(name: string): ImportWrapping {
  if (isWrapping(name)) return name;
  throw new UsageFailure(`--wrapping must be one of ${Object.keys(IMPORT_WRAPPINGS).join(", ")}.`);
}

function isWrapping(name: string): name is ImportWrapping {
  return Object.hasOwn(IMPORT_WRAPPINGS, name);
}

/** An instant with its zone: what would be read as local time is not taken. */
const INSTANT = /^[0-9]{4}-[0-9]{2}-[0-9]{2}(?:T[0-9]{2}:[0-9]{2}(?::[0-9]{2})?(?:Z|[+-][0-9]{2}:[0-9]{2}))?$/;

function toUnixSeconds(instant: string): number {
  const millis = INSTANT.test(instant) ? Date.parse(instant) : Number.NaN;
  // The API takes 0 for "never", and what is past it refuses itself.
  if (!(millis > 0)) {
    throw new UsageFailure(
      `--expires must be a date to come such as 2027-01-31, in UTC, or an instant such as 2027-01-31T12:00:00Z.`,
    );
  }
  return Math.floor(millis / 1000);
}
