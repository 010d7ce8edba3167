import { type ApplicationPrincipal, type EntityFinder, proceed, type RequestContext } from "@cinnabar/kernel";
import { accessResourceArn } from "../resource-name.ts";
import { accessPoints, type StoredAccessPoint } from "./access-point-repository.ts";
import { ApplicationPolicies } from "./application-policies.ts";

/** An application as it is now: whatever calls with the client keys of one access point. */
export interface Application {
  /** As one calls that has the client key, of which nobody asked here: its id is empty. */
  readonly principal: ApplicationPrincipal;
  /** When the access point was made, in store milliseconds since 1970. */
  readonly createdAt: number;
}

/** The applications of an account, for who asks what they may do. */
export class Applications {
  readonly #region: string;
  readonly #policies: ApplicationPolicies;

  constructor(region: string) {
    this.#region = region;
    this.#policies = new ApplicationPolicies(region);
  }

  /** The caller's account's of the access point of this name. */
  async find(context: RequestContext, name: string): Promise<Application | undefined> {
    const accessPoint = await accessPoints.find(context, { accountId: context.principal.accountId, name });
    return accessPoint && this.of(context, accessPoint);
  }

  /** All of the caller's account, in no order. */
  async list(context: RequestContext): Promise<readonly Application[]> {
    const all = await accessPoints.all(context, context.principal.accountId);
    const applications: Application[] = [];
    for (const accessPoint of all) applications.push(await this.of(context, accessPoint));
    return applications;
  }

  /** The application of an access point. @param accessKeyId - the client key that it calls with. */
  of(finder: EntityFinder, accessPoint: StoredAccessPoint, accessKeyId = ""): Application | Promise<Application> {
    const { accountId, name, createdAt } = accessPoint;
    return proceed(this.#policies.find(finder, accessPoint), (policies): Application => {
      const arn = accessResourceArn({ region: this.#region, accountId }, "applicationaccesspoint", name);
      return { principal: { type: "application", accountId, accessKeyId, arn, name, policies }, createdAt };
    });
  }
}
