import { channel } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";
import { connect } from "./clients/connect.ts";
import type { Body, ClientSetup, Exchange, OfficialClient, Outcome } from "./official-client.ts";
import type { HostReply, HostRequest } from "./client-process.ts";

// The program that official clients run in: makes the calls that its parent asks for and says what came of them.

const clients = new Map<string, OfficialClient>();
/** Answers by their header x-acs-request-id, until the call that they belong to has ended. */
const exchanges = new Map<string, Exchange>();

// Clients keep an answer's headers to themselves; Node shows it whoever made the request.
channel("http.client.response.finish").subscribe((message) => {
  const { response } = message as { request: ClientRequest; response: IncomingMessage };
  const requestId = response.headers["x-acs-request-id"];
  if (typeof requestId !== "string") return;
  exchanges.set(requestId, {
    status: response.statusCode ?? 0,
    contentType: response.headers["content-type"],
    localPort: response.socket.localPort,
  });
});

process.on("message", (request: HostRequest) => {
  void perform(request).then(
    (outcome) => reply({ id: request.id, outcome }),
    (error: unknown) => reply({ id: request.id, failure: error instanceof Error ? error.stack : String(error) }),
  );
});
process.on("disconnect", () => process.exit());

async function perform({ setup, action, parameters, options }: HostRequest): Promise<Outcome> {
  const client = clientFor(setup);
  const isTyped = client.isTyped?.(action, parameters, options) ?? false;
  try {
    const body = await client.call(action, parameters, options);
    return { body, error: undefined, exchange: takeExchange(body), isTyped };
  } catch (thrown) {
    const { code, status, body } = client.readError(thrown);
    return { body, error: { code, status }, exchange: takeExchange(body), isTyped };
  }
}

function clientFor(setup: ClientSetup): OfficialClient {
  const key = JSON.stringify(setup);
  let client = clients.get(key);
  if (client === undefined) {
    client = connect(setup);
    clients.set(key, client);
  }
  return client;
}

function takeExchange({ RequestId: requestId }: Body): Exchange | undefined {
  if (typeof requestId !== "string") return undefined;
  const exchange = exchanges.get(requestId);
  exchanges.delete(requestId);
  return exchange;
}

function reply(message: HostReply): void {
  process.send?.(message);
}
