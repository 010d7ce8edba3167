export { RotateKeys } from "./rotate-keys.ts";
