import { defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { formatInstant, ram } from "../api.ts";
import { onAll, ramArn } from "../resource-name.ts";
import { findUsers, type UserEntry } from "../user/user-repository.ts";
import { listDevices, type MfaDevice } from "./mfa-device-repository.ts";

const deviceView = z.object({
  SerialNumber: z.string(),
  /** Left out, as `User` is, of a device that is bound to nobody. */
  ActivateDate: z.string().optional(),
  User: z.object({ UserId: z.string(), UserName: z.string(), DisplayName: z.string().optional() }).optional(),
});

export const listVirtualMfaDevices = defineOperation({
  ...ram,
  name: "ListVirtualMFADevices",
  summary: "Lists the account's virtual MFA devices in the order of their names, without their seeds.",
  kind: "read",
  readWrite: "Read",
  parameters: {},
  result: z.object({ VirtualMFADevices: z.object({ VirtualMFADevice: z.array(deviceView) }) }),
  recordedResult: [],
  errors: [],
  target: () => undefined,
  access: (context) => [onAll(context, "ram:ListVirtualMFADevices", "mfa")],
  async handle(context) {
    const devices = await listDevices(context, context.principal.accountId);
    const owners = await findUsers(
      context,
      devices.flatMap(({ bound }) => (bound === undefined ? [] : [bound.userId])),
    );
    const users = new Map<string, UserEntry>(owners.map((user) => [user.userId, user]));
    return {
      result: { VirtualMFADevices: { VirtualMFADevice: devices.map((device) => toDeviceView(device, users)) } },
    };
  },
});

function toDeviceView(
  { accountId, name, bound }: MfaDevice,
  users: ReadonlyMap<string, UserEntry>,
): z.infer<typeof deviceView> {
  const serialNumber = { SerialNumber: ramArn(accountId, "mfa", name) };
  const user = bound && users.get(bound.userId);
  if (bound === undefined || user === undefined) return serialNumber;
  const { userId, userName, displayName } = user;
  return {
    ...serialNumber,
    ActivateDate: formatInstant(bound.at),
    User: { UserId: userId, UserName: userName, ...(displayName !== undefined && { DisplayName: displayName }) },
  };
}
