import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { ALARMS } from "@cinnabar/kernel";
import { ServerProcess, skipWithout } from "@cinnabar/testkit";
import { parse } from "yaml";
import { temporaryDirectory } from "./support/temporary-directory.ts";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const MONITORING = join(ROOT, "docs/monitoring");
const RUNBOOKS = join(ROOT, "docs/runbooks");
const METRIC = /\b(?:cinnabar|process|nodejs)_[a-z_]+\b/g;
/** What `systemd-analyze security` calls an exposure that it is content with, from 0 to 10. */
const MAX_EXPOSURE = 2;

interface Rule {
  readonly alert: string;
  readonly expr: string;
  readonly annotations: Readonly<Record<string, string>>;
}

interface Dashboard {
  readonly panels: readonly {
    readonly id: number;
    readonly type: string;
    readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
    readonly targets?: readonly { readonly expr: string }[];
  }[];
}

async function readRules(): Promise<Rule[]> {
  const { groups } = parse(await readFile(join(MONITORING, "alerts.yaml"), "utf8")) as {
    groups: { rules: Rule[] }[];
  };
  return groups.flatMap(({ rules }) => rules);
}

async function readDashboard(): Promise<Dashboard> {
  return JSON.parse(await readFile(join(MONITORING, "dashboard.json"), "utf8")) as Dashboard;
}

/** The pages that a rule sends its reader to. */
function runbooksOf({ annotations }: Rule): string[] {
  return Object.entries(annotations).flatMap(([name, page]) => (name.startsWith("runbook") ? [page] : []));
}

/** Every source of ours that runs in a server. */
async function readSources(): Promise<string[]> {
  const packages = await readdir(join(ROOT, "packages"));
  const texts: Promise<string>[] = [];
  for (const name of packages) {
    const folder = join(ROOT, "packages", name, "src");
    if (name === "testkit" || !existsSync(folder)) continue;
    for (const path of await readdir(folder, { recursive: true })) {
      if (path.endsWith(".ts")) texts.push(readFile(join(folder, path), "utf8"));
    }
  }
  return Promise.all(texts);
}

test("every alarm that is raised is one that operators know, and the other way round", async () => {
  const raised = new Set<string>();
  for (const source of await readSources()) {
    for (const [, name = ""] of source.matchAll(/\balarm(?:\(|: )"([a-z-]+)"/g)) raised.add(name);
    for (const [, name = ""] of source.matchAll(/return "(seal-missing|put-back)"/g)) raised.add(name);
  }
  assert.deepEqual([...raised].toSorted(), [...ALARMS].toSorted());
});

test("every alarm has a runbook, a place in the list of them, and an alert rule that names it", async () => {
  const rules = await readRules();
  const list = await readFile(join(RUNBOOKS, "README.md"), "utf8");
  for (const alarm of ALARMS) {
    const page = await readFile(join(RUNBOOKS, `${alarm}.md`), "utf8");
    assert.ok(page.startsWith(`# ${alarm}\n`), alarm);
    for (const part of ["**At risk**", "**Not at risk**", "## Look first", "## Do", "## Never"]) {
      assert.ok(page.includes(part), `${alarm}.md has no ${part}`);
    }
    assert.ok(list.includes(`[${alarm}](${alarm}.md)`), `${alarm} is not in the list`);
    assert.ok(
      rules.some((rule) => runbooksOf(rule).includes(`docs/runbooks/${alarm}.md`)),
      `no alert rule names ${alarm}`,
    );
  }
});

test("every page that an alert rule names is there", async () => {
  const rules = await readRules();
  for (const rule of rules) {
    assert.ok(runbooksOf(rule).length > 0, `${rule.alert} names no page`);
    for (const page of runbooksOf(rule)) assert.ok(existsSync(join(ROOT, page)), `${rule.alert}: ${page}`);
  }
});

test("every page on the way from a finding of doctor's is there", async () => {
  for (const source of await readSources()) {
    for (const [page = "", file = "", , section] of source.matchAll(/docs\/([a-z/-]+\.md)(#([a-z-]+))?/g)) {
      const path = join(ROOT, "docs", file);
      // Templates, and pages of other packages' comments, are their own tests' affair.
      if (!/^(?:operations|configuration|runbooks\/)/.test(file)) continue;
      assert.ok(existsSync(path), page);
      if (section === undefined) continue;
      const headings = [...(await readFile(path, "utf8")).matchAll(/^#+ (.+)$/gm)].map(([, text = ""]) =>
        text
          .toLowerCase()
          .replaceAll(/[^a-z0-9 -]/g, "")
          .replaceAll(" ", "-"),
      );
      assert.ok(headings.includes(section), page);
    }
  }
});

test("every metric that the rules and the dashboard name is exposed by a server", async (context) => {
  const data = join(await temporaryDirectory(context), "data");
  await using server = await ServerProcess.start({ data, tls: true });
  const text = await (await fetch(new URL("/metrics", server.adminUrl))).text();
  const exposed = new Set<string>();
  for (const [, name = "", type] of text.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    exposed.add(name);
    if (type === "histogram") for (const part of ["bucket", "sum", "count"]) exposed.add(`${name}_${part}`);
  }
  const rules = (await readRules()).map(({ alert, expr }) => ({ where: alert, expr }));
  const { panels } = await readDashboard();
  const panelTargets = panels.flatMap(({ id, targets = [] }) =>
    targets.map(({ expr }) => ({ where: `panel ${id}`, expr })),
  );
  assert.ok(panelTargets.length > 20);
  for (const { where, expr } of [...rules, ...panelTargets]) {
    for (const [name] of expr.matchAll(METRIC)) assert.ok(exposed.has(name), `${where}: there is no metric ${name}`);
    for (const [, alarm = ""] of expr.matchAll(/alarm="([^"]*)"/g)) {
      assert.ok(
        ALARMS.some((known) => known === alarm),
        `${where}: there is no alarm ${alarm}`,
      );
    }
  }
  for (const line of [
    "cinnabar_ready 1",
    'cinnabar_alarm{alarm="tampered-row"} 0',
    'cinnabar_alarm{alarm="clock-behind"} 0',
  ]) {
    assert.ok(text.includes(`${line}\n`), line);
  }
  assert.match(text, /^cinnabar_certificate_expiry_timestamp_seconds \d+$/m);
  await server.stop();
});

test("the dashboard's panels have ids of their own and do not lie on each other", async () => {
  const { panels } = await readDashboard();
  assert.equal(new Set(panels.map(({ id }) => id)).size, panels.length);
  for (const [i, { gridPos: one }] of panels.entries()) {
    assert.ok(one.x + one.w <= 24);
    for (const { gridPos: other } of panels.slice(i + 1)) {
      const apart =
        one.x + one.w <= other.x ||
        other.x + other.w <= one.x ||
        one.y + one.h <= other.y ||
        other.y + other.h <= one.y;
      assert.ok(apart, `${JSON.stringify(one)} and ${JSON.stringify(other)}`);
    }
  }
});

test(
  "Prometheus takes the alert rules, and they fire when they should",
  { skip: skipWithout("prometheus") },
  async () => {
    await promisify(execFile)("promtool", ["check", "rules", join(MONITORING, "alerts.yaml")]);
    await promisify(execFile)("promtool", ["test", "rules", join(MONITORING, "alerts.test.yaml")]);
  },
);

test(
  "systemd takes the service, and finds little that it could do",
  { skip: skipWithout("systemd") },
  async (context) => {
    const unit = await readFile(join(ROOT, "docs/systemd/cinnabar.service"), "utf8");
    const path = join(await temporaryDirectory(context), "cinnabar.service");
    // Only a program that is there is taken.
    await writeFile(
      path,
      unit.replaceAll("/opt/cinnabar/", ROOT).replace(`${ROOT}node_modules/.bin/node`, process.execPath),
    );
    const { stderr } = await promisify(execFile)("systemd-analyze", ["verify", path]);
    assert.equal(stderr.includes("cinnabar.service"), false, stderr);
    const version = (await promisify(execFile)("systemd-analyze", ["--version"])).stdout;
    if (Number(/^systemd (\d+)/.exec(version)?.[1]) < 250) {
      context.diagnostic("this systemd cannot tell the exposure of a service that is not installed");
      return;
    }
    const { stdout } = await promisify(execFile)("systemd-analyze", ["security", "--offline=true", path]);
    const [, exposure] = /Overall exposure level for cinnabar\.service: ([0-9.]+)/.exec(stdout) ?? [];
    assert.ok(Number(exposure) <= MAX_EXPOSURE, stdout);
  },
);
