import { cryptographyScenarios } from "./cryptography.ts";
import { errorScenarios } from "./errors.ts";
import { gatewayScenarios } from "./gateway.ts";
import { keyScenarios } from "./keys.ts";
import type { Scenario } from "./scenario.ts";

export const scenarios: readonly Scenario[] = [
  ...keyScenarios,
  ...cryptographyScenarios,
  ...errorScenarios,
  ...gatewayScenarios,
];
