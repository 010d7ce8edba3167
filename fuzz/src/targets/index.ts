import type { TargetDeclaration } from "../engine/target.ts";
import { closeService } from "../service/service.ts";
import { batchesTarget } from "./batches.ts";
import { blobsTarget } from "./blobs.ts";
import { callsTarget, changesTarget, identityCallsTarget, identityChangesTarget } from "./calls.ts";
import { checkpointsTarget } from "./checkpoints.ts";
import { configurationTarget } from "./configuration.ts";
import { envelopesTarget } from "./envelopes.ts";
import { exportsTarget } from "./exports.ts";
import { httpChangesTarget, httpTarget } from "./http.ts";
import { identityTokensTarget } from "./identity-tokens.ts";
import { instanceRequestsTarget } from "./instance-requests.ts";
import { keysTarget, wrappedKeysTarget } from "./keys.ts";
import { pkcs12Target } from "./pkcs12.ts";
import { policiesTarget } from "./policies.ts";
import { proofsTarget } from "./proofs.ts";
import { protobufTarget } from "./protobuf.ts";
import { requestsTarget } from "./requests.ts";
import { sealsTarget } from "./seals.ts";
import { tilesTarget } from "./tiles.ts";

/** Everything that takes bytes from outside. */
export const targets: readonly TargetDeclaration[] = [
  requestsTarget,
  instanceRequestsTarget,
  protobufTarget,
  checkpointsTarget,
  proofsTarget,
  tilesTarget,
  batchesTarget,
  policiesTarget,
  sealsTarget,
  configurationTarget,
  exportsTarget,
  keysTarget,
  wrappedKeysTarget,
  pkcs12Target,
  httpTarget,
  httpChangesTarget,
  callsTarget,
  changesTarget,
  identityCallsTarget,
  identityChangesTarget,
  identityTokensTarget,
  blobsTarget,
  envelopesTarget,
];

/** @throws RangeError */
export function findTarget(name: string): TargetDeclaration {
  const found = targets.find((target) => target.name === name);
  if (found === undefined) {
    throw new RangeError(`there is no target ${name}: ${targets.map((target) => target.name).join(", ")}`);
  }
  return found;
}

export const closeTargets = closeService;
