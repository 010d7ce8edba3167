import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { join } from "node:path";
import { checkout, CINNABAR } from "../server-process.ts";

/** A deployment as `cinnabar audit` is told of it. */
export interface AuditedDeployment {
  readonly data: string;
  readonly database: string;
}

/** The checkpoints that an auditor would keep elsewhere, as `cinnabar audit checkpoint` prints them. */
export async function auditCheckpoint(deployment: AuditedDeployment): Promise<string> {
  const { exitCode, output, errors } = await audit("checkpoint", deployment);
  if (exitCode !== 0) throw new Error(`cinnabar audit checkpoint failed: ${errors}`);
  return output;
}

/**
 * Runs `cinnabar audit verify` against checkpoints from before.
 *
 * @returns what it said if it found anything wrong.
 */
export async function auditVerify(deployment: AuditedDeployment, checkpointFile: string): Promise<string | undefined> {
  const { exitCode, output, errors } = await audit("verify", deployment, `--checkpoint=${checkpointFile}`);
  return exitCode === 0 ? undefined : `cinnabar audit verify: ${errors}${output}`;
}

async function audit(command: string, { data, database }: AuditedDeployment, ...options: string[]) {
  const args = [join(checkout, CINNABAR), "audit", command, `--data=${data}`, `--database=${database}`, ...options];
  const child = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "pipe"] });
  const [output, errors] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { exitCode: child.exitCode, output, errors };
}
