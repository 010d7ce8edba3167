import { ApiError, type Parameter, parseId, required, type RequestContext } from "@cinnabar/kernel";
import { z } from "zod";
import { ramArn } from "../resource-name.ts";
import { findDevice, type MfaDevice } from "./mfa-device-repository.ts";

/** No serial number is longer: beyond this it is not one of a device that merely does not exist. */
const MAX_CHARACTERS = 256;

/** The parameter that names the device that a call is about. */
export const serialNumber: Parameter<string, "required"> = required({
  schema: z.string().max(MAX_CHARACTERS, "It must be a device's SerialNumber."),
  description: "The device's serial number, such as acs:ram::1234567890123456:mfa/device001.",
});

/**
 * The name of a device of the caller's account.
 *
 * @throws ApiError `EntityNotExist.VirtualMFADevice` if the serial number is none of such a device.
 */
export function deviceName({ principal }: RequestContext, text: string): string {
  const prefix = ramArn(principal.accountId, "mfa", "");
  const name = text.startsWith(prefix) ? text.slice(prefix.length) : "";
  if (!/^[A-Za-z0-9._-]+$/.test(name)) throw new ApiError("EntityNotExist.VirtualMFADevice");
  return name;
}

/**
 * A device of the caller's account, which the event then names.
 *
 * @throws ApiError `EntityNotExist.VirtualMFADevice`
 */
export async function loadDevice(context: RequestContext, name: string): Promise<MfaDevice> {
  const accountId = parseId("Account", context.principal.accountId);
  const device = await findDevice(context, { accountId, name });
  if (device === undefined) throw new ApiError("EntityNotExist.VirtualMFADevice");
  context.note({ mfaDevice: name, mfaDeviceRevision: device.stored.revision });
  return device;
}
