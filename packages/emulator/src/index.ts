export { Emulator, EmulatorError, type EmulatorOptions, startEmulator } from "./emulator.ts";
export type { Fault, FaultEffect } from "./fault.ts";
