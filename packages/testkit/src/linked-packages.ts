import { mkdir, readdir, symlink } from "node:fs/promises";
import { join } from "node:path";
import { checkout } from "./server-process.ts";

/**
 * Lets a directory that has a `packages/` of its own run: packages from the registry are shared with this checkout,
 * ours are its own.
 */
export async function linkPackages(directory: string): Promise<void> {
  const packages = join(directory, "packages");
  const modules = join(directory, "node_modules");
  await mkdir(join(modules, "@cinnabar"), { recursive: true });
  for (const name of await readdir(join(checkout, "node_modules"))) {
    if (name !== "@cinnabar" && !name.startsWith("."))
      await symlink(join(checkout, "node_modules", name), join(modules, name));
  }
  for (const name of await readdir(packages)) {
    await symlink(join(packages, name), join(modules, "@cinnabar", name));
    // What one package alone has installed for itself.
    const own = join(checkout, "packages", name, "node_modules");
    if (await isThere(own)) await symlink(own, join(packages, name, "node_modules"));
  }
}

function isThere(path: string): Promise<boolean> {
  return readdir(path).then(
    () => true,
    () => false,
  );
}
