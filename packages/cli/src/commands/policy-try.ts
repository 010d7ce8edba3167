import { UsageFailure } from "../failure.ts";
import { type Io, write } from "../io.ts";
import { readText } from "../read-text.ts";
import { type ServiceOptions, withClient } from "../service.ts";
import { describeTrial } from "../trial/describe-trial.ts";
import { readTrial } from "../trial/trial.ts";

export interface PolicyTryOptions extends ServiceOptions {
  /** A file. */
  readonly policy: string;
  readonly key?: string;
  readonly user?: string;
  readonly group?: string;
  readonly role?: string;
  readonly newVersionOf?: string;
  readonly days?: string;
  readonly json?: boolean;
}

/** `cinnabar policy try --policy FILE --key KEY` */
export async function policyTry(options: PolicyTryOptions, io: Io): Promise<void> {
  const places = { KeyId: options.key, UserName: options.user, GroupName: options.group, RoleName: options.role };
  const named = Object.entries({ ...places, PolicyName: options.newVersionOf }).filter(
    (entry): entry is [string, string] => entry[1] !== undefined,
  );
  if (named.length !== 1) {
    throw new UsageFailure(
      "Where would the policy stand? Give one of --key, --user, --group, --role, --new-version-of.",
    );
  }
  const document = await readText(options.policy);
  const days = options.days === undefined ? {} : { Days: options.days };
  const parameters = { ...Object.fromEntries(named), PolicyDocument: document, ...days };
  const trial = await withClient(options, io, (client) => readTrial(client, parameters));
  await write(io.stdout, options.json === true ? `${JSON.stringify(trial, undefined, 2)}\n` : describeTrial(trial));
}
