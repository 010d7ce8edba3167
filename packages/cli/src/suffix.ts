/** What the name of an encrypted file ends in by default. */
export const SUFFIX = ".cinnabar";
