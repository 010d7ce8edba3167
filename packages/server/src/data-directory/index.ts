export { readFileIfThere, writeFileAtomically, writeNewFile } from "./atomic-file.ts";
export { DataDirectoryLock } from "./data-directory-lock.ts";
export { exposureWarnings } from "./exposure-warnings.ts";
export { fileError, hasCode } from "./file-error.ts";
export { keptRootKeys } from "./kept-root-keys.ts";
export { loadNodeId } from "./node-id.ts";
export { openDataDirectory } from "./open-data-directory.ts";
export { formatAccessKey, type RootAccessKey, RootAccessKeyFile } from "./root-access-key-file.ts";
