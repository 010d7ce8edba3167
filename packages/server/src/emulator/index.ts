export { assertOwnDirectory } from "./assert-own-directory.ts";
export { Emulator, type EmulatorState } from "./emulator.ts";
