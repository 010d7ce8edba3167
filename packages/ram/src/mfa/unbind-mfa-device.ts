import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed, ramArn } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { bindDevice, findDeviceOf, touchedDevice } from "./mfa-device-repository.ts";

export const unbindMfaDevice = defineOperation({
  ...ram,
  name: "UnbindMFADevice",
  summary: "Takes a user's second factor away. The device stays and can be bound again.",
  kind: "control",
  readWrite: "Write",
  parameters: { UserName: userName },
  result: z.object({ MFADevice: z.object({ SerialNumber: z.string() }) }),
  recordedResult: [],
  errors: [...USER_NAME_ERRORS, "EntityNotExist.User", "EntityNotExist.User.MFADevice"],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:UnbindMFADevice", { type: "user", name })],
  async handle(context, _parameters, name) {
    const { userId } = await loadUserByName(context, name);
    const device = await findDeviceOf(context, userId);
    if (device === undefined) throw new ApiError("EntityNotExist.User.MFADevice");
    context.note({ mfaDevice: device.name, mfaDeviceRevision: device.stored.revision });
    return {
      result: { MFADevice: { SerialNumber: ramArn(device.accountId, "mfa", device.name) } },
      changes: [bindDevice(context, device, undefined)],
      touched: [touchedDevice(device)],
    };
  },
});
