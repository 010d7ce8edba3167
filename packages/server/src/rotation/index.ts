export { type AccountKeyRotation, rotateOrResume } from "./account-keys.ts";
export { RewrapAccountKeys } from "./rewrap-account-keys.ts";
export { putUnderRootKey } from "./root-key.ts";
