import assert from "node:assert/strict";
import type { Deployment } from "../deployment.ts";
import type { Body } from "../official-client.ts";
import { Replayer } from "./replayer.ts";
import { readFixture, requestShapes } from "./request-shape.ts";

/** What Terraform's provider sends, as fixtures/terraform-requests.json has it. */
interface Recorded {
  readonly client: string;
  readonly region: string;
  readonly gone: { readonly status: number; readonly codes: readonly string[]; readonly keyState: string };
  readonly retried: {
    readonly codes: readonly string[];
    readonly pattern: string;
    readonly statuses: readonly [least: number, most: number];
  };
  readonly requests: Readonly<Record<string, RecordedRequest>>;
  /** Attributes of a key, and the fields of KeyMetadata that they are read from. */
  readonly state: Readonly<Record<string, string>>;
}

interface RecordedRequest {
  readonly action: string;
  /**
   * Where each parameter comes from: an attribute's name, `text:…`, `json:` and an attribute, `enabled:` and an attribute
   * that is Enabled or Disabled, `numbered:` and an attribute that is a list.
   */
  readonly parameters: Readonly<Record<string, string>>;
}

type Value = string | number | Readonly<Record<string, string>> | readonly string[] | undefined;
export type Attributes = Readonly<Record<string, Value>>;

/** What Terraform keeps of a resource. */
export interface ResourceState extends Readonly<Record<string, Value>> {
  readonly id: string;
}

export const recorded = readFixture("terraform-requests.json") as Recorded;

/** A refusal that the provider shows its user. */
export class ProviderError extends Error {
  readonly status: number;
  readonly code: string;

  constructor(status: number, code: string) {
    super(`${status} ${code}`);
    this.status = status;
    this.code = code;
  }

  /** Whether the provider takes the resource for gone. */
  get isGone(): boolean {
    const { status, codes } = recorded.gone;
    return this.status === status || codes.includes(this.code);
  }

  /** Whether the provider tries again, for minutes. */
  get isRetried(): boolean {
    const { codes, pattern, statuses } = recorded.retried;
    const [least, most] = statuses;
    return codes.includes(this.code) || this.code.includes(pattern) || (this.status >= least && this.status <= most);
  }
}

/** Does with keys and aliases what the provider does, request by request. */
export class TerraformProvider {
  readonly #replayer: Replayer;

  constructor(deployment: Deployment) {
    const shape = requestShapes.find(({ client }) => client === recorded.client);
    assert(shape !== undefined);
    this.#replayer = new Replayer(deployment, shape);
  }

  /** `terraform apply` of a key that is not in the state. */
  async createKey(config: Attributes): Promise<ResourceState> {
    const { KeyMetadata } = await this.request("createKey", config);
    const { KeyId: id } = KeyMetadata as { KeyId: string };
    return this.updateKey({ id, status: "Enabled" }, config, "new");
  }

  /** `terraform apply` of a key whose configuration has changed. */
  async updateKey(state: ResourceState, config: Attributes, which: "new" | "old" = "old"): Promise<ResourceState> {
    const values = { ...config, id: state.id };
    const changed = (name: string) => name in config && !isEqual(config[name], state[name]);
    if (changed("status")) await this.request(config["status"] === "Disabled" ? "disableKey" : "enableKey", values);
    if (which === "old" && changed("description")) await this.request("describeKeyAnew", values);
    if (changed("deletion_protection") || changed("deletion_protection_description")) {
      await this.request("protectKey", values);
    }
    if (which === "old" && changed("tags")) await this.#changeTags(state, config);
    const read = await this.readKey(state.id);
    assert(read !== undefined);
    return read;
  }

  async #changeTags({ id, tags: before = {} }: ResourceState, { tags: after = {} }: Attributes): Promise<void> {
    assert(isMap(before) && isMap(after));
    const removed = Object.keys(before).filter((key) => after[key] !== before[key]);
    const added = Object.entries(after).filter(([key, value]) => before[key] !== value);
    if (removed.length > 0) await this.request("untagKey", { id, removed });
    if (added.length > 0) await this.request("tagKey", { id, added: Object.fromEntries(added) });
  }

  /** A refresh, or an import: `undefined` if the key is gone. */
  async readKey(id: string): Promise<ResourceState | undefined> {
    const described = await this.request("readKey", { id }).catch(unlessGone);
    if (described === undefined) return undefined;
    const metadata = described["KeyMetadata"] as Readonly<Record<string, string>>;
    if (metadata["KeyState"] === recorded.gone.keyState) return undefined;
    const attributes = Object.entries(recorded.state).map(([name, field]) => [name, metadata[field]] as const);
    return { ...Object.fromEntries(attributes), id, tags: await this.#readTags(id) };
  }

  async #readTags(id: string): Promise<Record<string, string>> {
    const { TagResources } = await this.request("readKeyTags", { id });
    const { TagResource: rows } = TagResources as { TagResource: { TagKey: string; TagValue: string }[] };
    assert(Array.isArray(rows));
    return Object.fromEntries(rows.map(({ TagKey, TagValue }) => [TagKey, TagValue]));
  }

  /** `terraform destroy` of a key: it does not wait, since a key whose deletion is scheduled counts as gone. */
  async deleteKey(state: ResourceState, config: Attributes): Promise<void> {
    await this.request("deleteKey", { ...config, id: state.id }).catch(unlessGone);
  }

  /** `undefined` if there is no such alias: the provider turns the pages of the list until it finds the name. */
  async readAlias(id: string): Promise<ResourceState | undefined> {
    for (let page = 1; ; page++) {
      const { Aliases } = await this.request("readAliases", { page });
      const { Alias: rows } = Aliases as { Alias: { AliasName: string; KeyId: string }[] };
      const found = rows.find(({ AliasName }) => AliasName === id);
      if (found !== undefined) return { id, alias_name: id, key_id: found.KeyId };
      if (rows.length < 20) return undefined;
    }
  }

  /** Sends one of the recorded requests. @throws ProviderError */
  async request(name: string, values: Attributes = {}): Promise<Body> {
    const request = recorded.requests[name];
    assert(request !== undefined, `no request is recorded as ${name}`);
    const all = { region: recorded.region, ...values };
    const parameters = Object.entries(request.parameters).flatMap(([parameter, from]) => fill(parameter, from, all));
    const { status, body } = await this.#replayer.attempt(request.action, Object.fromEntries(parameters));
    if (status !== 200) throw new ProviderError(status, String(body["Code"]));
    // The provider takes an answer with a code for an error too.
    assert(!("Code" in body));
    return body;
  }
}

/** The attributes that would change if `config` were applied; empty after an apply, if it did what it should. */
export function plan(state: ResourceState, config: Attributes): string[] {
  return Object.keys(config).filter((name) => name !== "pending_window_in_days" && !isEqual(config[name], state[name]));
}

function unlessGone(error: unknown): undefined {
  if (!(error instanceof ProviderError) || !error.isGone) throw error;
  return undefined;
}

function fill(parameter: string, from: string, values: Attributes): [name: string, value: string][] {
  const [form = "", ...rest] = from.split(":");
  const source = rest.join(":");
  if (form === "text") return [[parameter, source]];
  const value = values[rest.length === 0 ? from : source];
  if (value === undefined) return [];
  if (rest.length === 0) {
    assert(typeof value === "string" || typeof value === "number");
    return [[parameter, String(value)]];
  }
  if (form === "enabled") return [[parameter, String(value === "Enabled")]];
  if (form === "json") return [[parameter, toJson(parameter, value)]];
  assert.equal(form, "numbered");
  if (Array.isArray(value)) return value.map((item, i) => [`${parameter}.${i + 1}`, String(item)]);
  assert(isMap(value));
  return Object.entries(value).flatMap(([key, text], i) => [
    [`${parameter}.${i + 1}.Key`, key],
    [`${parameter}.${i + 1}.Value`, text],
  ]);
}

/** Tags of a new key are a list of records, a context is the map itself. */
function toJson(parameter: string, value: Value): string {
  assert(isMap(value));
  if (parameter !== "Tags") return JSON.stringify(value);
  return JSON.stringify(Object.entries(value).map(([TagKey, TagValue]) => ({ TagKey, TagValue })));
}

function isMap(value: Value): value is Readonly<Record<string, string>> {
  return typeof value === "object" && !Array.isArray(value);
}

/** Terraform tells no missing text from an empty one. */
function isEqual(a: Value, b: Value): boolean {
  if (isMap(a) || isMap(b)) return JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
  return String(a ?? "") === String(b ?? "");
}

function sorted(value: Value): [string, string][] {
  return isMap(value) ? Object.entries(value).toSorted(([x], [y]) => (x < y ? -1 : 1)) : [];
}
