import { randomBytes } from "node:crypto";
import { ApiError, defineOperation, parseId, required } from "@cinnabar/kernel";
import { z } from "zod";
import { ram } from "../api.ts";
import { nameParameter } from "../parameters/names.ts";
import { onNamed, ramArn } from "../resource-name.ts";
import { encodeBase32 } from "./base32.ts";
import { countDevices, findDevice, insertDevice, touchedDevice } from "./mfa-device-repository.ts";
import { qrCodePng } from "./qr-code-png.ts";
import { CODE_DIGITS, STEP_SECONDS } from "./totp.ts";

/** Devices of one account: one for each user that it may have (RAM, "Limits"). */
const MAX_MFA_DEVICES = 1_000;
/** Length of HMAC-SHA-1's output, which RFC 4226, section 4, recommends for seeds. */
const SEED_BYTES = 20;

export const createVirtualMfaDevice = defineOperation({
  ...ram,
  name: "CreateVirtualMFADevice",
  summary: "Makes a virtual MFA device. Its seed is in this answer and nowhere else.",
  kind: "control",
  readWrite: "Write",
  parameters: {
    VirtualMFADeviceName: required({
      ...nameParameter("mfa", {
        invalidChars: "InvalidParameter.VirtualMFADeviceName.InvalidChars",
        length: "InvalidParameter.VirtualMFADeviceName.Length",
      }),
      description: "The device's name: 1 to 64 letters, digits, periods, underscores and hyphens.",
    }),
  },
  result: z.object({
    VirtualMFADevice: z.object({ SerialNumber: z.string(), Base32StringSeed: z.string(), QRCodePNG: z.string() }),
  }),
  recordedResult: [],
  errors: [
    "InvalidParameter.VirtualMFADeviceName.InvalidChars",
    "InvalidParameter.VirtualMFADeviceName.Length",
    "EntityAlreadyExists.VirtualMFADevice",
    "LimitExceeded.VirtualMFADevice",
  ],
  target: (_context, { VirtualMFADeviceName }) => VirtualMFADeviceName,
  access: (context, name) => [onNamed(context, "ram:CreateVirtualMFADevice", { type: "mfa", name })],
  async handle(context, _parameters, name) {
    const accountId = parseId("Account", context.principal.accountId);
    if ((await findDevice(context, { accountId, name })) !== undefined) {
      throw new ApiError("EntityAlreadyExists.VirtualMFADevice");
    }
    if ((await countDevices(context, accountId)) >= MAX_MFA_DEVICES) {
      throw new ApiError("LimitExceeded.VirtualMFADevice");
    }
    const seed = randomBytes(SEED_BYTES);
    try {
      const base32 = encodeBase32(seed);
      context.about("ACS::RAM::MFADevice", name);
      context.note({ mfaDevice: name, mfaDeviceRevision: 1 });
      return {
        result: {
          VirtualMFADevice: {
            SerialNumber: ramArn(accountId, "mfa", name),
            Base32StringSeed: base32,
            QRCodePNG: qrCodePng(keyUri({ name, accountId, base32 })).toString("base64"),
          },
        },
        changes: [await insertDevice(context, { accountId, name, seed })],
        touched: [touchedDevice({ accountId, name })],
      };
    } finally {
      seed.fill(0);
    }
  },
});

/** What an app for second factors scans: the "Key Uri Format" of Google Authenticator, which the others read too. */
function keyUri({ name, accountId, base32 }: Readonly<Record<"name" | "accountId" | "base32", string>>): string {
  const settings = new URLSearchParams({
    secret: base32,
    issuer: "Cinnabar",
    algorithm: "SHA1",
    digits: String(CODE_DIGITS),
    period: String(STEP_SECONDS),
  });
  return `otpauth://totp/Cinnabar:${name}@${accountId}?${settings.toString()}`;
}
