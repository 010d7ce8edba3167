import { cryptographyScenarios } from "./cryptography.ts";
import { errorScenarios } from "./errors.ts";
import { eventScenarios } from "./events.ts";
import { gatewayScenarios } from "./gateway.ts";
import { keyScenarios } from "./keys.ts";
import type { Scenario } from "./scenario.ts";
import { tagScenarios } from "./tags.ts";
import { upkeepScenarios } from "./upkeep.ts";

export const scenarios: readonly Scenario[] = [
  ...keyScenarios,
  ...tagScenarios,
  ...upkeepScenarios,
  ...cryptographyScenarios,
  ...eventScenarios,
  ...errorScenarios,
  ...gatewayScenarios,
];
