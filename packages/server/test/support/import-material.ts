import { IMPORT_WRAPPINGS, type ImportWrapping, wrapForImport } from "@cinnabar/crypto";
import type { Wire } from "./destruction-rig.ts";

/** Whoever calls the service. */
interface Owner {
  call<Fields>(action: string, parameters: Wire): Promise<Fields>;
}

/** The parameters of an ImportKeyMaterial, with the material wrapped as the key's owner would. */
export async function wrapMaterial(
  owner: Owner,
  {
    keyId,
    wrapping,
    material,
  }: { readonly keyId: string; readonly wrapping: ImportWrapping; readonly material: Uint8Array },
): Promise<Wire> {
  const { PublicKey, ImportToken } = await owner.call<{ PublicKey: string; ImportToken: string }>(
    "GetParametersForImport",
    { KeyId: keyId, WrappingAlgorithm: wrapping, WrappingKeySpec: IMPORT_WRAPPINGS[wrapping].wrappingKeySpec },
  );
  const encrypted = wrapForImport({ wrapping, wrappingKey: Buffer.from(PublicKey, "base64"), material });
  return { KeyId: keyId, ImportToken, EncryptedKeyMaterial: encrypted.toString("base64") };
}
