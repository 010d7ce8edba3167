import { cryptographyScenarios } from "./cryptography.ts";
import { errorScenarios } from "./errors.ts";
import { eventScenarios } from "./events.ts";
import { gatewayScenarios } from "./gateway.ts";
import { keyPolicyScenarios } from "./key-policies.ts";
import { keyScenarios } from "./keys.ts";
import { policyScenarios } from "./policies.ts";
import { ramUserScenarios } from "./ram-users.ts";
import type { Scenario } from "./scenario.ts";
import { stsScenarios } from "./sts.ts";
import { tagScenarios } from "./tags.ts";
import { upkeepScenarios } from "./upkeep.ts";

/** Those that every client of KMS goes through. */
export const scenarios: readonly Scenario[] = [
  ...keyScenarios,
  ...keyPolicyScenarios,
  ...tagScenarios,
  ...upkeepScenarios,
  ...cryptographyScenarios,
  ...policyScenarios,
  ...eventScenarios,
  ...errorScenarios,
  ...gatewayScenarios,
  ...stsScenarios,
];

/** Those of RAM, which only its own client has classes for. */
export const ramScenarios: readonly Scenario[] = [...ramUserScenarios];
