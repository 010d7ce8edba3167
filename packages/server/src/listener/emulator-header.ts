/** Stands in every answer of an emulator, with the value `true`, and in no other. */
export const EMULATOR_HEADER = "X-Cinnabar-Emulator";
