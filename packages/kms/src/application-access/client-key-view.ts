import { X509Certificate } from "node:crypto";
import { z } from "zod";
import { formatInstant } from "../api.ts";
import { CLIENT_KEY_ALGORITHM, CLIENT_KEY_ORIGIN, type ClientKey } from "./client-key.ts";

/** A client key as answers show it. */
export const clientKeyView = z.object({
  ClientKeyId: z.string(),
  AapName: z.string(),
  KeyAlgorithm: z.string(),
  KeyOrigin: z.string(),
  CreateTime: z.string(),
  NotBefore: z.string(),
  NotAfter: z.string(),
  PublicKeyData: z.string(),
});

export function toClientKeyView(clientKey: ClientKey): z.infer<typeof clientKeyView> {
  return {
    ClientKeyId: clientKey.id,
    AapName: clientKey.accessPoint,
    KeyAlgorithm: CLIENT_KEY_ALGORITHM,
    KeyOrigin: CLIENT_KEY_ORIGIN,
    CreateTime: formatInstant(clientKey.createdAt),
    NotBefore: formatInstant(clientKey.notBefore),
    NotAfter: formatInstant(clientKey.notAfter),
    PublicKeyData: new X509Certificate(clientKey.certificate).toString(),
  };
}
