import { resolve } from "node:path";
import { firstAccountId } from "@cinnabar/ram";
import { type Configuration, maskPassword } from "../configuration/index.ts";
import type { CinnabarNode } from "../node.ts";
import type { Replication } from "../replication.ts";
import type { TlsMaterial } from "../tls/index.ts";
import type { NodeDirectory } from "./node-directory.ts";

/** Stands for a file whose place is not known here. */
const UNKNOWN_CA = "CA.pem";

const REPLICATION: Readonly<Record<Replication["kind"], string>> = {
  synchronous: ", replicated synchronously",
  asynchronous: ", replicated, but not synchronously",
  none: ", not replicated",
  unknown: "",
};

/** What a server prints when it serves: where, with what, and commands to try it that a shell takes as they are. */
export async function banner(
  configuration: Configuration,
  parts: {
    readonly node: CinnabarNode;
    readonly directory: NodeDirectory;
    readonly tls: TlsMaterial | undefined;
    readonly replication: Replication | undefined;
  },
): Promise<string> {
  const { node, directory, tls, replication } = parts;
  const credentials = directory.rootAccessKey.path;
  const hasCredentials = (await directory.rootAccessKey.read()) !== undefined;
  const replicated = replication === undefined ? "" : REPLICATION[replication.kind];
  const lines = [
    "Cinnabar is ready.",
    `  API            ${node.url}`,
    `  Admin          ${node.adminUrl}/healthz /readyz /metrics`,
    `  Region         ${node.store.region}`,
    `  Account        ${(await firstAccountId(node.store.backend)) ?? "none"}`,
    `  Root AccessKey ${hasCredentials ? resolve(credentials) : "not in this data directory"}`,
    `  Database       ${maskPassword(configuration.database)}${replicated}`,
    `  Audit log key  ${node.verifierKey}`,
    ...(configuration.emulator
      ? [`  Emulator       ${node.adminUrl}/emulator sets time, faults and snapshots: for tests, and nothing else`]
      : []),
    "",
  ];
  if (hasCredentials) {
    const ca = tls && (await caFileOf(configuration, tls));
    const options = [
      ...(configuration.data === "data" ? [] : [` --credentials ${quoted(resolve(credentials))}`]),
      ...(ca === undefined ? [] : [` --ca ${quoted(ca)}`]),
    ].join("");
    lines.push(
      "Try it, in another terminal in this folder:",
      `  KEY=$(npm exec --silent cinnabar -- call CreateKey --query KeyMetadata.KeyId${options})`,
      `  npm exec cinnabar -- encrypt README.md --key "$KEY" --force${options}`,
      `  npm exec cinnabar -- decrypt README.md.cinnabar -o README.copy.md --force${options}`,
      ...(ca === UNKNOWN_CA ? [`${UNKNOWN_CA} stands for the certificate of the CA that signed the server's.`] : []),
      "",
    );
  }
  return `${lines.join("\n")}\n`;
}

/** The file that a client on this machine is to trust, if it needs one. */
async function caFileOf({ data, tls: source }: Configuration, material: TlsMaterial): Promise<string | undefined> {
  if (source.kind === "none") return undefined;
  if (source.kind === "own-ca") return resolve(data, "ca.pem");
  // Loaded with the rest of what certificates need, for those who use them.
  const { rootOfTrust } = await import("../tls/index.ts");
  switch (rootOfTrust(material.cert)) {
    case "known":
      return undefined;
    case "in-chain":
      return resolve(source.certFile);
    case "elsewhere":
      return UNKNOWN_CA;
  }
}

/** One word of a POSIX shell. */
export function quoted(text: string): string {
  return /^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", String.raw`'\''`)}'`;
}
