/** Origins of emulators' audit logs begin with this. The origin stands in the deployment's row, under its MAC. */
export const EMULATOR_ORIGIN_PREFIX = "emulator/";

/** Whether a deployment was made by the emulator, by the name of its audit log. */
export function isEmulatorOrigin(origin: string): boolean {
  return origin.startsWith(EMULATOR_ORIGIN_PREFIX);
}
