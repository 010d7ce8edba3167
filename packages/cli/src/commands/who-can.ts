import { UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { describeAccess } from "../rights/describe-access.ts";
import { describeBoth } from "../rights/describe-both.ts";
import { readAccess } from "../rights/read-access.ts";
import { readBoth } from "../rights/read-both.ts";
import { type ServiceOptions, withClient } from "../service.ts";

export interface WhoCanOptions extends ServiceOptions {
  readonly action?: readonly string[];
  readonly resource: string;
  readonly both?: boolean;
  readonly json?: boolean;
}

/** `cinnabar who-can --action A --resource R`, and `cinnabar who-can --both --resource R` */
export async function whoCan({ action, both = false, ...options }: WhoCanOptions, io: Io): Promise<void> {
  const { resource, json = false } = options;
  if (both) {
    if (action !== undefined) throw new UsageFailure("Take --action or --both: which rights are both is fixed.");
    const found = await withClient(options, io, (client) => readBoth(client, resource));
    return write(io.stdout, json ? toJson(found) : describeBoth(found));
  }
  if (action === undefined) throw new UsageFailure("Which action? Add --action, such as kms:Decrypt, or --both.");
  const access = await withClient(options, io, (client) => readAccess(client, { actions: action, resource }));
  await write(io.stdout, json ? toJson(access) : describeAccess(access));
}

function toJson(value: object): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
