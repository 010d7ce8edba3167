#!/usr/bin/env node
// Old versions of Node must be able to read this file, to be told that they are too old.
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);
if (major > 24 || (major === 24 && minor >= 15)) {
  // Sources run directly. What Node makes of them is kept in the clone, which halves the time and the memory of a start;
  // with the cache on before the first of them, it need not even load what it strips types with.
  void import("../src/code-cache.js").then(({ enableCodeCache }) => {
    enableCodeCache();
    return import("../src/start.ts");
  });
} else {
  console.error(
    "Cinnabar needs Node 24.15 or newer, and this is Node " +
      process.versions.node +
      ". In a clone, `npm exec cinnabar -- …` brings its own; elsewhere, please install Node 24.",
  );
  process.exitCode = 1;
}
