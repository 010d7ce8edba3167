import type * as Server from "@cinnabar/server";
import type { Command } from "commander";
import { refreshBundle } from "./bundle/refresh.ts";

/**
 * Declares the commands that take their options from the server's one table of settings, and print their own help.
 *
 * @param exit - takes the exit code of the one that ran.
 */
export function addServerCommands(program: Command, exit: (code: number) => void): void {
  const run = (command: Command, call: (argv: readonly string[]) => Promise<number>) =>
    command
      .usage("[options]")
      .helpOption(false)
      .allowUnknownOption()
      .allowExcessArguments()
      .passThroughOptions()
      .action(async () => exit(await call(command.args)));
  const pass = (command: Command, find: (server: typeof Server) => (argv: readonly string[]) => Promise<number>) =>
    run(command, async (argv) => find(await import("@cinnabar/server"))(argv));

  run(program.command("serve").description("Serve the API from a data directory."), async (argv) => {
    // Alone: the index brings every other command with it, and a server is waited for.
    const { serve } = await import("@cinnabar/server/serve");
    return serve(argv, { onReady: () => void refreshBundle() });
  });
  pass(
    program.command("init").description("Create a data directory and its account, without serving."),
    (server) => server.init,
  );
  pass(
    program.command("doctor").description("Look at a deployment and say what is not as it should be."),
    (server) => server.doctor,
  );
  const clock = program.command("clock").description("Look after the store's clock.");
  pass(
    clock.command("reset").description("Take the present time after a clock was wrongly set forward."),
    (server) => server.clockReset,
  );

  pass(
    program.command("unseal").description("Give a share to a sealed server on this machine."),
    (server) => server.unseal,
  );
  const seal = program.command("seal").description("Look after what keeps the root key.");
  pass(
    seal.command("migrate").description("Move the root key to another seal, or another passphrase."),
    (server) => server.sealMigrate,
  );

  pass(
    program
      .command("root-key")
      .description("Look after the root key.")
      .command("rotate")
      .description("Put the store under a new root key, beside running servers too."),
    (server) => server.rootKeyRotate,
  );
  pass(
    program
      .command("account-key")
      .description("Look after the keys that wrap what belongs to accounts.")
      .command("rotate")
      .description("Wrap all of an account's under a new key, beside running servers too."),
    (server) => server.accountKeyRotate,
  );

  const account = program.command("account").description("Administer accounts, beside running servers too.");
  pass(
    account.command("create").description("Make an account with an AccessKey of its root."),
    (server) => server.accountCreate,
  );
  pass(account.command("list").description("List the accounts."), (server) => server.accountList);
  pass(account.command("disable").description("Refuse every call of an account's."), (server) => server.accountDisable);
  pass(
    account.command("enable").description("Let a disabled account be used again."),
    (server) => server.accountEnable,
  );
  pass(account.command("set").description("Change settings of an account."), (server) => server.accountSet);

  const accessKey = program
    .command("access-key")
    .description("Administer the AccessKeys of accounts' roots, beside running servers too.");
  pass(
    accessKey.command("create").description("Make a further AccessKey of an account's root."),
    (server) => server.accessKeyCreate,
  );
  pass(accessKey.command("list").description("List AccessKeys."), (server) => server.accessKeyList);
  pass(
    accessKey.command("disable").description("Refuse every call with an AccessKey."),
    (server) => server.accessKeyDisable,
  );
  pass(
    accessKey.command("enable").description("Let a disabled AccessKey be used again."),
    (server) => server.accessKeyEnable,
  );
  pass(accessKey.command("delete").description("Delete an AccessKey for good."), (server) => server.accessKeyDelete);

  const service = program
    .command("service")
    .description("Administer the services that encrypt for accounts, beside running servers too.");
  pass(
    service.command("enable").description("Give a service an AccessKey, or enable it again."),
    (server) => server.serviceEnable,
  );
  pass(service.command("list").description("List the services."), (server) => server.serviceList);
  pass(service.command("disable").description("Refuse every call of a service's."), (server) => server.serviceDisable);
  pass(
    service.command("rotate").description("Make a second AccessKey of a service."),
    (server) => server.serviceRotate,
  );

  const instance = program.command("instance").description("Administer KMS instances, beside running servers too.");
  pass(instance.command("create").description("Make an instance for an account."), (server) => server.instanceCreate);
  pass(instance.command("list").description("List the instances."), (server) => server.instanceList);
  pass(instance.command("set").description("Change an instance's quotas."), (server) => server.instanceSet);
  pass(
    instance.command("default").description("Make an instance its account's default one."),
    (server) => server.instanceDefault,
  );

  const provider = program
    .command("ram")
    .description("Administer what RAM trusts outside of itself, beside running servers too.")
    .command("provider")
    .description("Administer the OpenID Connect providers whose tokens an account's roles may be assumed with.");
  pass(
    provider.command("create").description("Register a provider for an account."),
    (server) => server.ramProviderCreate,
  );
  pass(provider.command("list").description("List the providers."), (server) => server.ramProviderList);
  pass(
    provider.command("delete").description("Delete a provider and end its sessions."),
    (server) => server.ramProviderDelete,
  );
}
