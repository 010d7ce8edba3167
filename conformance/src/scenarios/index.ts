import { applicationAccessScenarios } from "./application-access.ts";
import { cryptographyScenarios } from "./cryptography.ts";
import { defaultKeyScenarios } from "./default-keys.ts";
import { errorScenarios } from "./errors.ts";
import { eventScenarios } from "./events.ts";
import { gatewayScenarios } from "./gateway.ts";
import { identityTokenScenarios } from "./identity-tokens.ts";
import { importScenarios } from "./imports.ts";
import { instanceScenarios } from "./instances.ts";
import { keyPolicyScenarios } from "./key-policies.ts";
import { keyScenarios } from "./keys.ts";
import { pairScenarios } from "./pairs.ts";
import { policyScenarios } from "./policies.ts";
import { ramUserScenarios } from "./ram-users.ts";
import { rightsScenarios } from "./rights.ts";
import type { Scenario } from "./scenario.ts";
import { stsScenarios } from "./sts.ts";
import { tagScenarios } from "./tags.ts";
import { upkeepScenarios } from "./upkeep.ts";
import { usageScenarios } from "./usage.ts";
import { versionScenarios } from "./versions.ts";

/** Those that every client of KMS goes through. */
export const scenarios: readonly Scenario[] = [
  ...keyScenarios,
  ...keyPolicyScenarios,
  ...tagScenarios,
  ...upkeepScenarios,
  ...versionScenarios,
  ...cryptographyScenarios,
  ...pairScenarios,
  ...policyScenarios,
  ...rightsScenarios,
  ...usageScenarios,
  ...eventScenarios,
  ...errorScenarios,
  ...gatewayScenarios,
  ...stsScenarios,
  ...instanceScenarios,
  ...importScenarios,
  ...applicationAccessScenarios,
];

/** Those that go through once: an account has one default key, and what is by the clients of RAM and STS is by no other. */
export const accountScenarios: readonly Scenario[] = [
  ...ramUserScenarios,
  ...identityTokenScenarios,
  ...defaultKeyScenarios,
];
