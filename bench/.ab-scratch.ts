import { Workbench } from "/work/main/bench/src/workbench.ts";
import { CinnabarServer } from "/work/main/bench/src/cinnabar-server.ts";
import { EncryptRequests } from "/work/main/bench/src/encrypt-requests.ts";
import { EchoRequests } from "/work/main/bench/src/echo-requests.ts";
import { Lane } from "/work/main/bench/src/lane.ts";
import { SqliteBackend } from "@cinnabar/kernel";
import { median } from "/work/main/bench/src/statistics.ts";
import { join } from "node:path";
const w = new Workbench();
const variants: [string, string[]][] = JSON.parse(process.argv[2]!);
const rounds = Number(process.argv[3] ?? 5);
const lanes: Lane[] = [];
for (const [name, nodeOptions] of variants) {
  const data = w.makeDirectory("d" + lanes.length);
  const server = await CinnabarServer.start(w, { data, nodeOptions });
  const keyIds = await server.createKeys(1000);
  const lane = new Lane(name, {port: server.port, pid: server.pid, core: w.cores.server, source: new EncryptRequests({protocol:"v1", accessKey: server.accessKey, keyIds})});
  await lane.warmUp(); lanes.push(lane);
}
const p = w.startNode(["/work/main/bench/src/echo-server.ts", "333"]);
const port = await p.until(async () => Number(p.output) || undefined);
lanes.push(new Lane("echo", {port, pid:p.pid, core:w.cores.server, source:new EchoRequests({host:`127.0.0.1:${port}`, requestBytes:567})}));
await lanes.at(-1)!.warmUp();
const out = new Map<string, number[]>();
for (let i = 0; i < rounds; i++) for (const l of lanes) { const r = await l.load({connections:64, windowMillis:2000}); (out.get(l.name) ?? out.set(l.name, []).get(l.name)!).push(r.cpuMicros); console.log(l.name, r.cpuMicros.toFixed(1), "util", r.utilization.toFixed(2), "steal", r.steal.toFixed(2), "interf", r.interference.toFixed(2), "rps", r.requestsPerSecond.toFixed(0)); }
for (const [n, v] of out) console.log(n, "median", median(v).toFixed(1), "min", Math.min(...v).toFixed(1), "ratio", (median(out.get("echo")!)/median(v)).toFixed(3));
process.exit();
