import { randomBytes } from "node:crypto";
import { DeploymentKeys, issueAccessKeyId, RootKey } from "@cinnabar/kernel";
import { createAuthenticator } from "@cinnabar/ram";
import type { Cut } from "@cinnabar/testkit";

// For a process of its own, whose memory is measured.

const keys = DeploymentKeys.derive(new RootKey(randomBytes(32)));
const authenticator = createAuthenticator(keys);

/** Presents the id of an AccessKey, which nobody may have any more. */
export function keep(cut: Cut): void {
  const accessKeyId = cut(issueAccessKeyId(keys.accessKeyTag));
  if (!authenticator.isIssued({ accessKeyId, securityToken: undefined })) throw new Error("the id was issued");
}
