import { ApiError, defineOperation, type Parameter, required } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { USER_NAME_ERRORS, userName } from "../user/user-parameters.ts";
import { loadUserByName } from "../user/user-repository.ts";
import { bindDevice, findDeviceOf, openSeed, touchedDevice } from "./mfa-device-repository.ts";
import { deviceName, loadDevice, serialNumber } from "./serial-number.ts";
import { areConsecutiveCodes } from "./totp.ts";

export const bindMfaDevice = defineOperation({
  ...ram,
  name: "BindMFADevice",
  summary: "Makes a device the second factor of a user, who shows by two codes that the device is at hand.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    UserName: userName,
    SerialNumber: serialNumber,
    AuthenticationCode1: authenticationCode("A code of the device."),
    AuthenticationCode2: authenticationCode("The code that came after it."),
  },
  result: z.object({}),
  recordedResult: [],
  errors: [
    ...USER_NAME_ERRORS,
    "InvalidParameter.AuthenticationCode.Format",
    "CheckAuthenticationCodeFail",
    "EntityNotExist.User",
    "EntityNotExist.VirtualMFADevice",
    "EntityAlreadyExists.User.MFADevice",
    "EntityAlreadyExists.VirtualMFADevice.User",
  ],
  target: (context, { UserName, SerialNumber }) => ({ user: UserName, device: deviceName(context, SerialNumber) }),
  access: (context, { user, device }) => [
    onNamed(context, "ram:BindMFADevice", { type: "user", name: user }),
    onNamed(context, "ram:BindMFADevice", { type: "mfa", name: device }),
  ],
  async handle(context, { AuthenticationCode1: first, AuthenticationCode2: second }, target) {
    const { userId } = await loadUserByName(context, target.user);
    const device = await loadDevice(context, target.device);
    if (device.bound !== undefined) throw new ApiError("EntityAlreadyExists.VirtualMFADevice.User");
    if ((await findDeviceOf(context, userId)) !== undefined) throw new ApiError("EntityAlreadyExists.User.MFADevice");
    const seed = await openSeed(context, device);
    try {
      if (!areConsecutiveCodes(seed, { first, second, at: context.now })) {
        throw new ApiError("CheckAuthenticationCodeFail");
      }
    } finally {
      seed.fill(0);
    }
    return { result: {}, changes: [bindDevice(context, device, userId)], touched: [touchedDevice(device)] };
  },
});

function authenticationCode(description: string): Parameter<string, "required"> {
  return required({
    schema: z.string().regex(/^[0-9]{6}$/, "It must be 6 digits."),
    audit: "omit",
    refusedAs: "InvalidParameter.AuthenticationCode.Format",
    description,
  });
}
