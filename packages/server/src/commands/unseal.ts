import type { Configuration } from "../configuration/index.ts";
import { formatListenAddress, isLoopback, isWildcard, type ListenAddress } from "../listener/index.ts";
import { OperatorError } from "../operator-error.ts";
import { SecretReader } from "../seal/index.ts";
import { say } from "./print.ts";
import { runCommand } from "./run-command.ts";
import { z } from "zod";

const USAGE = `Usage: cinnabar unseal [SETTINGS]

Gives a share to a sealed server on this machine. Each holder of a share runs it once; the server opens when it has
enough of them. The share is asked for on the terminal and not shown, or read with --unseal-from, one a line.

Example: cinnabar unseal --admin-listen 127.0.0.1:8081`;

const TOO_LATE_STATUSES = [404, 405];
const PATIENCE_MILLIS = 30_000;

const progress = z.object({ given: z.int(), needed: z.int() });
const refusal = z.object({ error: z.string() });

/** `cinnabar unseal`. @param argv - what follows the command. @returns the exit code. */
export function unseal(argv: readonly string[]): Promise<number> {
  return runCommand({ argv, usage: USAGE, run: giveShares });
}

async function giveShares({ adminListen, unsealFrom }: Configuration): Promise<void> {
  const url = new URL(`http://${formatListenAddress(onThisMachine(adminListen))}/unseal`);
  using reader = new SecretReader(unsealFrom ?? { kind: "terminal" });
  do {
    using share = await reader.share(`Share for the server at ${url.host}: `);
    const { given, needed } = await give(url, share.bytes);
    await say(`The share was taken: ${given} of ${needed}.${given < needed ? "" : " The server opens."}`);
    if (given >= needed) return;
  } while (await reader.hasMoreShares());
}

/** A share goes in plaintext: it must not leave the machine. */
function onThisMachine({ host, port }: ListenAddress): ListenAddress {
  if (isWildcard(host)) return { host: host === "::" ? "::1" : "127.0.0.1", port };
  if (isLoopback(host)) return { host, port };
  throw new OperatorError(
    `Shares are given on the server's own machine alone, and --admin-listen names ${host}: let the server listen on a loopback address.`,
  );
}

async function give(url: URL, share: Uint8Array): Promise<z.output<typeof progress>> {
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(url, {
      method: "POST",
      body: new Uint8Array(share),
      signal: AbortSignal.timeout(PATIENCE_MILLIS),
    });
    answer = await response.json();
  } catch (error) {
    throw new OperatorError(`No server answers at ${url.origin}. Its address is --admin-listen HOST:PORT.`, {
      cause: error,
    });
  }
  if (TOO_LATE_STATUSES.includes(response.status))
    throw new OperatorError(`The server at ${url.origin} is not sealed.`);
  if (response.ok) return progress.parse(answer);
  const { data } = refusal.safeParse(answer);
  throw new OperatorError(data?.error ?? `The server at ${url.origin} answered HTTP ${response.status}.`);
}
