import { ApiError, defineOperation } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { onNamed } from "../resource-name.ts";
import { deleteDeviceRow, touchedDevice } from "./mfa-device-repository.ts";
import { deviceName, loadDevice, serialNumber } from "./serial-number.ts";

export const deleteVirtualMfaDevice = defineOperation({
  ...ram,
  name: "DeleteVirtualMFADevice",
  summary: "Deletes a virtual MFA device that is bound to nobody.",
  kind: "control",
  readWrite: "Write",
  parameters: { SerialNumber: serialNumber },
  result: z.object({}),
  recordedResult: [],
  errors: ["EntityNotExist.VirtualMFADevice", "DeleteConflict.VirtualMFADevice.User"],
  target: (context, { SerialNumber }) => deviceName(context, SerialNumber),
  access: (context, name) => [onNamed(context, "ram:DeleteVirtualMFADevice", { type: "mfa", name })],
  async handle(context, _parameters, name) {
    const device = await loadDevice(context, name);
    context.about("ACS::RAM::MFADevice", name);
    if (device.bound !== undefined) throw new ApiError("DeleteConflict.VirtualMFADevice.User");
    return { result: {}, changes: [deleteDeviceRow(context, device)], touched: [touchedDevice(device)] };
  },
});
