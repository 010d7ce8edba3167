import { loadConfiguration, maskPassword, OperatorError } from "@cinnabar/server";
import type { Target, TargetDeclaration } from "../engine/target.ts";
import { refusal } from "./declared-error.ts";

/** Between flags, variables and the file; each of the first two has one in a line. */
const SECTION = "\x1e";

/** Command lines, environments and configuration files. */
export const configurationTarget: TargetDeclaration = {
  name: "configuration",
  what: "flags, environment variables, configuration files",
  group: "process",
  weight: 60,
  open: () => Promise.resolve(open()),
};

function open(): Target {
  const file = JSON.stringify({
    listen: "127.0.0.1:8080",
    data: "/var/lib/cinnabar",
    database: "postgres://cinnabar:secret@db.example:5432/cinnabar?sslmode=require",
    trustedProxies: ["10.0.0.0/8", "::1"],
    maxConnectionsPerAddress: 64,
    tls: false,
    logLevel: "debug",
  });
  const seeds = [
    ["--data=/tmp/x\n--listen\n[::1]:8443\n--tls\n--tls-names=kms.example,10.0.0.1\n--seal=file:/k", "HOME=/root", ""],
    ["--config\ncinnabar.json", "CINNABAR_LISTEN=0.0.0.0:1\nCINNABAR_INSECURE_HTTP=true", file],
    ["--database=postgres://u:secret@h:1/d?sslmode=require", "CINNABAR_REGION=cn-beijing", ""],
    ["--seal=shamir:3of5\n--unseal-from=fd:3\n--throttle=CreateKey=1\n--tls-cert=a\n--tls-key=b", "", ""],
    [
      "--checkpoint-to=https://example.com/c\n--origin=kms.example/main\n--nonce-slots=65536",
      "CINNABAR_CONFIG=x",
      file,
    ],
  ];
  return {
    seeds: seeds.map((sections) => Buffer.from(sections.join(SECTION))),
    attempt(input) {
      const [flags = "", variables = "", file = ""] = Buffer.from(input).toString().split(SECTION);
      const argv = flags === "" ? [] : flags.split("\n");
      const environment = Object.fromEntries(variables.split("\n").map((line) => split(line)));
      try {
        maskPassword(loadConfiguration({ argv, environment, readFile: () => file }).database);
        return "read";
      } catch (error) {
        return refusal(error, OperatorError);
      }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function split(line: string): [name: string, value: string] {
  const equals = line.indexOf("=");
  return equals === -1 ? [line, ""] : [line.slice(0, equals), line.slice(equals + 1)];
}
