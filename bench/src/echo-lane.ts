import { fileURLToPath } from "node:url";
import { EchoRequests } from "./echo-requests.ts";
import { Lane } from "./lane.ts";
import type { Workbench } from "./workbench.ts";

const ECHO_SERVER = fileURLToPath(new URL("echo-server.ts", import.meta.url));

/** Starts the yardstick and warms it up. */
export async function startEcho(
  workbench: Workbench,
  { requestBytes, answerBytes }: { requestBytes: number; answerBytes: number },
): Promise<Lane> {
  const process = workbench.startNode([ECHO_SERVER, String(answerBytes)]);
  const port = await process.until(async () => Number(process.output) || undefined);
  const source = new EchoRequests({ host: `127.0.0.1:${port}`, requestBytes });
  const lane = new Lane("echo", { port, pid: process.pid, core: workbench.cores.server, source });
  await lane.warmUp();
  return lane;
}
