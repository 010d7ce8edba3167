import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed, ramArn } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { findDeviceOf } from "./mfa-device-repository.ts";

export const getUserMfaInfo = defineOperation({
  ...ram,
  name: "GetUserMFAInfo",
  summary: "Tells which device is a user's second factor.",
  kind: "read",
  readWrite: "Read",
  parameters: { UserName: userName },
  result: z.object({ MFADevice: z.object({ SerialNumber: z.string(), Type: z.string() }) }),
  recordedResult: [],
  errors: [...USER_NAME_ERRORS, "EntityNotExist.User", "EntityNotExist.User.MFADevice"],
  target: (_context, { UserName }) => UserName,
  access: (context, name) => [onNamed(context, "ram:GetUserMFAInfo", { type: "user", name })],
  async handle(context, _parameters, name) {
    const { userId } = await loadUserByName(context, name);
    const device = await findDeviceOf(context, userId);
    if (device === undefined) throw new ApiError("EntityNotExist.User.MFADevice");
    return {
      result: { MFADevice: { SerialNumber: ramArn(device.accountId, "mfa", device.name), Type: "VMFA" } },
    };
  },
});
