import type { EncryptionContext } from "@cinnabar/client";
import { Command } from "commander";
import manifest from "../package.json" with { type: "json" };
import type { ExportOptions } from "./commands/audit-export.ts";
import type { LogOptions } from "./commands/audit-logs.ts";
import type { ProveOptions } from "./commands/audit-prove.ts";
import type { VerifyOptions } from "./commands/audit-verify.ts";
import type { VolumeOptions } from "./commands/audit-volume.ts";
import type { CallOptions } from "./commands/call.ts";
import type { DecryptOptions } from "./commands/decrypt.ts";
import type { EncryptOptions } from "./commands/encrypt.ts";
import type { CertificateOptions } from "./commands/key-certificate.ts";
import type { EnableDefaultOptions } from "./commands/key-enable-default.ts";
import type { KeyImportOptions } from "./commands/key-import.ts";
import type { ExplainOptions } from "./commands/explain.ts";
import type { KeyUsageOptions } from "./commands/key-usage.ts";
import type { PolicyTryOptions } from "./commands/policy-try.ts";
import type { WhoCanOptions } from "./commands/who-can.ts";
import { addContext } from "./context-option.ts";
import type { Io } from "./io.ts";
import { addServerCommands } from "./server-commands.ts";

const VERIFIER_KEY = "the verifier key, or a file that has it (default: audit-verifier.vkey in the data directory)";

/** What a run leaves behind. */
export interface Outcome {
  exitCode: number;
  /** Help that was asked for. */
  help: string;
  /** What is wrong with the arguments. */
  complaint: string;
}

/** Declares every command. Each is loaded only when it runs, so that `--help` needs none of them. */
export function createProgram(io: Io, outcome: Outcome): Command {
  const program = new Command("cinnabar")
    .description("A key management service of your own, compatible with Alibaba Cloud KMS.")
    .version(manifest.version)
    .helpCommand(false)
    .enablePositionalOptions()
    .exitOverride()
    .showHelpAfterError("Add --help to see what it takes.")
    .configureOutput({
      writeOut: (text) => (outcome.help += text),
      writeErr: (text) => (outcome.complaint += text),
      outputError: (text, write) => write(text.replace(/^error: /, "cinnabar: ")),
      getOutHelpWidth: () => io.stdout.columns ?? 100,
      getErrHelpWidth: () => io.stderr.columns ?? 100,
      getOutHasColors: () => false,
      getErrHasColors: () => false,
    });

  addServerCommands(program, (code) => (outcome.exitCode = code));
  addEncrypt(program, io);
  addDecrypt(program, io);
  addCall(program, io);
  addKey(program, io);
  addPolicy(program, io);
  addExplain(program, io);
  addWhoCan(program, io);
  addAudit(program, io, outcome);
  return program;
}

function addEncrypt(program: Command, io: Io): void {
  addServiceOptions(
    program
      .command("encrypt")
      .description("Encrypt a file of any size with a data key from a running server.")
      .argument("<file>", "what to encrypt; - for the standard input")
      .option("-o, --output <out>", "the result (default: FILE.cinnabar); - for the standard output")
      .requiredOption("-k, --key <id>", "the key: an id, alias/NAME or an ARN"),
  )
    .option<EncryptionContext>(
      "--context <name=value>",
      "bind the file to this, in plain sight; may be repeated",
      addContext,
    )
    .option("--force", "replace the result if it exists")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar encrypt report.pdf --key alias/reports --context department=sales
  $ tar -c photos | cinnabar encrypt - -o photos.tar.cinnabar --key alias/backup`,
    )
    .action(async (file: string, options: EncryptOptions) => {
      const { encrypt } = await import("./commands/encrypt.ts");
      await encrypt(file, options, io);
    });
}

function addDecrypt(program: Command, io: Io): void {
  addServiceOptions(
    program
      .command("decrypt")
      .description("Decrypt a file that cinnabar encrypted, if no bit of it was changed.")
      .argument("<file>", "what to decrypt; - for the standard input")
      .option("-o, --output <out>", "the result (default: FILE without .cinnabar); - for the standard output"),
  )
    .option<EncryptionContext>(
      "--context <name=value>",
      "refuse a file that is not bound to this; may be repeated",
      addContext,
    )
    .option("--force", "replace the result if it exists")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar decrypt report.pdf.cinnabar --context department=sales
  $ cinnabar decrypt photos.tar.cinnabar -o - | tar -x

Nothing is written before the whole file has verified. With -o - the result waits until then in a
nameless file in the folder for temporary files, which must have room for it.`,
    )
    .action(async (file: string, options: DecryptOptions) => {
      const { decrypt } = await import("./commands/decrypt.ts");
      await decrypt(file, options, io);
    });
}

function addCall(program: Command, io: Io): void {
  addServiceOptions(
    program
      .command("call")
      .description("Call any operation of a running server.")
      .argument("<operation>", "its name, such as DescribeKey")
      .argument("[parameters...]", "each as NAME=VALUE"),
  )
    .option("--query <field>", "print this field of the answer alone, such as KeyMetadata.KeyId")
    .option("--api-version <version>", "that of the API, KMS's by default; 2020-07-06 is ActionTrail's")
    .option("--dry-run", "show whether the call would succeed and what it would break; nothing is changed")
    .option("--json", "print the dry run as JSON, as answers are anyway")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar call CreateKey Description="quarterly reports" --query KeyMetadata.KeyId
  $ cinnabar call CreateAlias AliasName=alias/reports KeyId=5c438b18-05be-40ad-b6c2-3be6752c3d8f
  $ cinnabar call LookupEvents --api-version 2020-07-06 LookupAttribute.1.Key=User LookupAttribute.1.Value=root
  $ cinnabar call DisableKey KeyId=5c438b18-05be-40ad-b6c2-3be6752c3d8f --dry-run`,
    )
    .action(async (action: string, parameters: string[], options: CallOptions) => {
      const { call } = await import("./commands/call.ts");
      await call({ action, parameters }, options, io);
    });
}

function addKey(program: Command, io: Io): void {
  const key = program.command("key").description("Look after keys.");
  addServiceOptions(
    key
      .command("usage")
      .description("Show who used a key, for what, and when last.")
      .argument("<key>", "an id, alias/NAME or an ARN"),
  )
    .option("--report", "print the usage report alone, whose hash ScheduleKeyDeletion may require")
    .option("--json", "print the answer as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar key usage alias/reports
  $ cinnabar key usage alias/reports --report > report.json
  $ cinnabar call ScheduleKeyDeletion KeyId=5c438b18-05be-40ad-b6c2-3be6752c3d8f PendingWindowInDays=30 \\
      UsageReportHash=$(sha256sum report.json | cut -c 1-64)`,
    )
    .action(async (name: string, options: KeyUsageOptions) => {
      const { keyUsage } = await import("./commands/key-usage.ts");
      await keyUsage(name, options, io);
    });

  addServiceOptions(
    key.command("enable-default").description("Make the account's one default key, which works beside its instances."),
  )
    .option("--external", "its material is imported: it waits for that")
    .option("--rotate", "it is rotated by itself, every 365 days")
    .option("--description <text>", "what it is for, in words")
    .option("--dry-run", "show whether it would be made; nothing is changed")
    .option("--json", "print the answer as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar key enable-default
  $ cinnabar key enable-default --rotate --description "for the encryption by services"`,
    )
    .action(async (options: EnableDefaultOptions) => {
      const { keyEnableDefault } = await import("./commands/key-enable-default.ts");
      await keyEnableDefault(options, io);
    });

  addServiceOptions(
    key
      .command("import")
      .description("Wrap key material here, and import it into a key that was made for that.")
      .argument("<key>", "an id, alias/NAME or an ARN")
      .argument("<file>", "the material, - for the standard input: bytes or hexadecimal digits, of a pair PEM or DER"),
  )
    .option("--expires <instant>", "when the material expires, such as 2027-01-31T12:00:00Z (default: never)")
    .option("--new-version", "rotate the key: the material is that of a further version")
    .option("--key-version <id>", "the version that takes its material again (default: what waits for it)")
    .option("--wrapping <algorithm>", "how it is wrapped (default: the best of its kind)")
    .option("--dry-run", "show whether the key would take the material; nothing is changed")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar call CreateKey Origin=EXTERNAL --query KeyMetadata.KeyId
  $ openssl rand 32 | tee material | cinnabar key import 5c438b18-05be-40ad-b6c2-3be6752c3d8f -
  $ cinnabar key import alias/signing private-key.pem --expires 2027-01-31

Keep the material: once it has expired or was deleted, the key takes the same again and no other.
The material never stands on the command line, and leaves this machine only wrapped.`,
    )
    .action(async (name: string, file: string, options: KeyImportOptions) => {
      const { keyImport } = await import("./commands/key-import.ts");
      await keyImport({ key: name, file }, options, io);
    });

  addStoreOptions(
    key
      .command("certificate")
      .description("Print the signed certificate of a destroyed key, or verify one.")
      .argument("[key]", "the key's id, or ACCOUNT/VERSION for a destroyed account key"),
  )
    .option("--from <folder>", "read what audit export wrote instead of a database")
    .option("--verifier-key <key>", VERIFIER_KEY)
    .option("--verify <file>", "verify a certificate, with the verifier key alone")
    .option("--json", "print the certificate as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar key certificate 5c438b18-05be-40ad-b6c2-3be6752c3d8f --data data > destroyed.note
  $ cinnabar key certificate --verify destroyed.note --verifier-key audit-verifier.vkey

It says what it does not cover, too: copies of the store from before the destruction.`,
    )
    .action(async (subject: string | undefined, options: CertificateOptions) => {
      const { keyCertificate } = await import("./commands/key-certificate.ts");
      await keyCertificate(subject, options, io);
    });

  addStoreOptions(key.command("destroyed").description("List what was destroyed, from its verified certificates."))
    .option("--from <folder>", "read what audit export wrote instead of a database")
    .option("--verifier-key <key>", VERIFIER_KEY)
    .option("--json", "print the certificates as JSON")
    .addHelpText("after", "\nExample:\n  $ cinnabar key destroyed --data data")
    .action(async (options: CertificateOptions) => {
      const { keyDestroyed } = await import("./commands/key-certificate.ts");
      await keyDestroyed(options, io);
    });
}

function addPolicy(program: Command, io: Io): void {
  const policy = program.command("policy").description("Look after policies.");
  addServiceOptions(
    policy
      .command("try")
      .description("Show which recorded calls a policy would refuse, or allow, that now are not.")
      .requiredOption("--policy <file>", "what the policy would say, as JSON"),
  )
    .option("--key <key>", "it would be the policy of this key: an id, alias/NAME or the key's ARN")
    .option("--user <name>", "it would be attached to this user")
    .option("--group <name>", "it would be attached to this group")
    .option("--role <name>", "it would be attached to this role")
    .option("--new-version-of <name>", "this custom policy would say it, to all that it is attached to")
    .option("--days <number>", "the recorded calls of so many days, at most 90 (default: 30)")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar policy try --policy narrower.json --key alias/payroll
  $ cinnabar policy try --policy narrower.json --new-version-of payroll-clerks --days 90
  $ cinnabar policy try --policy deny-deletion.json --group everybody

Nothing is changed. The calls are replayed as they were made, with the policies, users and roles of today.`,
    )
    .action(async (options: PolicyTryOptions) => {
      const { policyTry } = await import("./commands/policy-try.ts");
      await policyTry(options, io);
    });
}

function addExplain(program: Command, io: Io): void {
  addServiceOptions(
    program
      .command("explain")
      .description("Explain whether somebody may do something, gate by gate, and what would allow it.")
      .requiredOption("--principal <who>", "root, user/NAME, role/NAME or role/NAME/SESSION, or the ARN of one")
      .requiredOption("--action <right>", "what it would do, such as kms:Decrypt")
      .requiredOption("--resource <what>", "a key's id, alias/NAME, any ARN, or *"),
  )
    .option<string[]>(
      "--condition <key=value>",
      "what a condition finds, such as acs:SourceIp=10.0.0.1; may be repeated",
      addTo,
    )
    .option("--json", "print the answer as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar explain --principal user/alice --action kms:Decrypt --resource alias/payroll
  $ cinnabar explain --principal role/deployer --action sts:AssumeRole --resource acs:ram::1234567890123456:role/admin

Time, address and transport are those of this call, unless --condition says otherwise.`,
    )
    .action(async (options: ExplainOptions) => {
      const { explain } = await import("./commands/explain.ts");
      await explain(options, io);
    });
}

function addWhoCan(program: Command, io: Io): void {
  addServiceOptions(
    program
      .command("who-can")
      .description("List who may do something to a resource, and who may become them.")
      .option<string[]>("--action <right>", "what they would do, such as kms:Decrypt; may be repeated", addTo)
      .requiredOption("--resource <what>", "a key's id, alias/NAME, any ARN of the account, or *"),
  )
    .option("--both", "only who may use the key and disable, delete or open it as well")
    .option("--json", "print the result as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar who-can --action kms:Decrypt --resource alias/payroll
  $ cinnabar who-can --both --resource alias/payroll
  $ cinnabar who-can --action ram:AttachPolicyToUser --resource acs:ram::1234567890123456:user/alice`,
    )
    .action(async (options: WhoCanOptions) => {
      const { whoCan } = await import("./commands/who-can.ts");
      await whoCan(options, io);
    });
}

/** Takes one more value of an option that may be repeated. */
function addTo(value: string, values: string[] | undefined): string[] {
  return [...(values ?? []), value];
}

function addAudit(program: Command, io: Io, outcome: Outcome): void {
  const audit = program.command("audit").description("Save, export, prove, verify and measure the audit log, offline.");

  addStoreOptions(audit.command("checkpoint").description("Print signed checkpoints, to be kept somewhere else."))
    .option("--key <key>", VERIFIER_KEY)
    .addHelpText("after", "\nExample:\n  $ cinnabar audit checkpoint --data data > checkpoints.txt")
    .action(async (options: LogOptions) => {
      const { auditCheckpoint } = await import("./commands/audit-checkpoint.ts");
      await auditCheckpoint(options, io);
    });

  addStoreOptions(
    audit
      .command("export")
      .description("Write the logs as files that standard tools can read (C2SP tlog-tiles).")
      .argument("<folder>", "new or empty"),
  )
    .option("--with-events", "write the events as lines of JSON too, for people and their tools")
    .option("--json", "print the result as JSON")
    .addHelpText("after", "\nExample:\n  $ cinnabar audit export logs --data data")
    .action(async (folder: string, options: ExportOptions) => {
      const { auditExport } = await import("./commands/audit-export.ts");
      await auditExport(folder, options, io);
    });

  addStoreOptions(
    audit
      .command("prove")
      .description("Print a proof that an event is in the log, for who has only the verifier key (C2SP tlog-proof).")
      .argument("[event]", "its id, which is the RequestId of the answer"),
  )
    .option("--event <file>", "the event itself as JSON, instead of its id: also where its body was dropped")
    .option("--from <folder>", "read what audit export wrote instead of a database")
    .option("--key <key>", VERIFIER_KEY)
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar audit prove 0F2B6C1E-7A55-4E0B-9D51-6D1C3A7F0001 --data data > event.tlog-proof
  $ cinnabar audit verify --proof event.tlog-proof --key audit-verifier.vkey
  $ cinnabar audit prove --event event.json --data data > event.tlog-proof

The proof has the event itself: give it to nobody who may not read the event.`,
    )
    .action(async (event: string | undefined, options: ProveOptions) => {
      const { auditProve } = await import("./commands/audit-prove.ts");
      await auditProve(event, options, io);
    });

  addStoreOptions(audit.command("verify").description("Check that nothing in the logs was changed, left out or added."))
    .option("--from <folder>", "read what audit export wrote instead of a database")
    .option("--key <key>", VERIFIER_KEY)
    .option<string[]>(
      "--checkpoint <file>",
      "compare with what audit checkpoint printed before, or a server wrote with --checkpoint-to; may be repeated",
      addTo,
    )
    .option("--proof <file>", "verify what audit prove printed, with the verifier key alone")
    .option("--json", "print the report as JSON")
    .addHelpText(
      "after",
      `
Examples:
  $ cinnabar audit verify --data data --checkpoint checkpoints.txt
  $ cinnabar audit verify --from logs --key audit-verifier.vkey --checkpoint checkpoints.txt
  $ cinnabar audit verify --proof event.tlog-proof --key audit-verifier.vkey

Ends with code 0 if nothing is wrong, and 1 if something is. Whoever can change the database may be
able to change the key beside it too: for a proof, give the key and a checkpoint from elsewhere.`,
    )
    .action(async (options: VerifyOptions) => {
      const { auditVerify } = await import("./commands/audit-verify.ts");
      outcome.exitCode = await auditVerify(options, io);
    });

  addAuditVolume(audit, io);
}

function addAuditVolume(audit: Command, io: Io): void {
  addStoreOptions(audit.command("volume").description("Show how much the logs get day by day, and what was dropped."))
    .option("--days <number>", "the latest so many days that have events (default: 30)")
    .option("--json", "print all numbers as JSON")
    .addHelpText(
      "after",
      "\nExample:\n  $ cinnabar audit volume --data data --days 7\n\nDays are those of UTC by the store's clock.",
    )
    .action(async (options: VolumeOptions) => {
      const { auditVolume } = await import("./commands/audit-volume.ts");
      await auditVolume(options, io);
    });
}

function addStoreOptions(command: Command): Command {
  return command
    .option("--data <folder>", "the data directory (default: data)")
    .option("--database <url>", "the database, if it is not the one in the data directory: sqlite:PATH or postgres://…")
    .option("--config <file>", "the server's configuration file; CINNABAR_DATA, CINNABAR_DATABASE count too");
}

function addServiceOptions(command: Command): Command {
  return command
    .option("--endpoint <url>", "the server (default: the Endpoint in the credentials)")
    .option("--credentials <file>", "an access key as JSON (default: data/root-access-key.json)")
    .option("--ca <file>", "certificates to trust instead of the system's, such as data/ca.pem");
}
