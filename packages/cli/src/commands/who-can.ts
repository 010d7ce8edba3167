import { UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { describeAccess } from "../rights/describe-access.ts";
import { describeBoth } from "../rights/describe-both.ts";
import {
  ACCESS_GIVING_ACTIONS,
  ESCALATING_ACTIONS,
  MANAGING_ACTIONS,
  SET_KEY_POLICY,
  USING_ACTIONS,
} from "../rights/key-actions.ts";
import { findBoth } from "../rights/find-both.ts";
import { readAccess } from "../rights/read-access.ts";
import { readAccessToAll } from "../rights/read-access-to-all.ts";
import { type ServiceOptions, withClient } from "../service.ts";

export interface WhoCanOptions extends ServiceOptions {
  readonly action?: readonly string[];
  readonly resource: string;
  readonly both?: boolean;
  readonly json?: boolean;
}

/** `cinnabar who-can --action A --resource R` */
export async function whoCan(options: WhoCanOptions, io: Io): Promise<void> {
  const { action, resource, both = false, json = false } = options;
  if (action === undefined && !both)
    throw new UsageFailure("Which action? Add --action, such as kms:Decrypt, or --both.");
  const using = action ?? USING_ACTIONS;
  const actions = both ? [...new Set([...using, ...MANAGING_ACTIONS])] : using;
  const read = both ? readAccessToAll : readAccess;
  const access = await withClient(options, io, (client) => read(client, { actions, resource }));
  if (!both) {
    return write(io.stdout, json ? toJson(access) : describeAccess(access));
  }
  const escalating = Object.values(ESCALATING_ACTIONS).flat();
  const found = findBoth(access, {
    using: [...using, SET_KEY_POLICY, ...Object.values(ACCESS_GIVING_ACTIONS).flat(), ...escalating],
    managing: [...MANAGING_ACTIONS, ...escalating],
  });
  await write(io.stdout, json ? toJson({ resource: access.resource, both: found }) : describeBoth(access, found));
}

function toJson(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
