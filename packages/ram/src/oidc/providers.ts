import { hash, randomBytes, randomUUID, X509Certificate } from "node:crypto";
import {
  type AccountId,
  type ControlStore,
  type ControlTransaction,
  encodeSystemEvent,
  type EntityReader,
  type SystemEventName,
} from "@cinnabar/kernel";
import { accountKind } from "../account.ts";
import { AdministrationError } from "../administration-error.ts";
import { isProviderName } from "./provider.ts";
import {
  deleteOidcProviderRow,
  findOidcProvider,
  insertOidcProvider,
  listOidcProviders,
  type OidcProvider,
  oidcProviderKind,
  type OidcProviderSettings,
} from "./provider-repository.ts";

/** Providers of one account (RAM, "Limits of role-based SSO"). */
const MAX_PROVIDERS = 100;
/** Clients of one provider, as in the cloud. */
const MAX_CLIENT_IDS = 20;
const MAX_CLIENT_ID_CHARACTERS = 128;
const MAX_ISSUER_CHARACTERS = 2048;
const MAX_CA_BYTES = 65_536;
const ID_BYTES = 16;

/**
 * The OpenID Connect providers of accounts, which operators alone register: a server fetches what their URLs lead to.
 * Each change is a control transaction with its event in the account's own trail.
 */
export class OidcProviders {
  readonly #store: ControlStore;

  constructor(store: ControlStore) {
    this.#store = store;
  }

  /** The providers of an account, or of all, in the order of their names. @throws AdministrationError `accountNotFound` */
  async list(options: { readonly accountId?: AccountId | undefined } = {}): Promise<readonly OidcProvider[]> {
    const reader = this.#reader;
    if (options.accountId !== undefined) await assertAccount(reader, options.accountId);
    return listOidcProviders(reader, options);
  }

  /**
   * Registers a provider. Nothing is fetched from it yet.
   *
   * @throws AdministrationError `accountNotFound`, `providerExists`, `tooManyProviders`, or `invalidProvider` with what is
   * wrong with the settings.
   */
  async create(accountId: AccountId, settings: OidcProviderSettings): Promise<void> {
    assertSettings(settings);
    await this.#store.run(async (transaction) => {
      await assertAccount(transaction, accountId);
      const existing = await listOidcProviders(transaction, { accountId });
      if (existing.some(({ name }) => name === settings.name)) {
        throw new AdministrationError(
          "providerExists",
          `The account ${accountId} has a provider ${settings.name} already. Delete it first: that ends its sessions.`,
        );
      }
      if (existing.length >= MAX_PROVIDERS) {
        throw new AdministrationError(
          "tooManyProviders",
          `An account may have ${MAX_PROVIDERS} providers and no more.`,
        );
      }
      const id = randomBytes(ID_BYTES).toString("base64url");
      // Nobody can have cached what was not there: nothing is touched.
      await transaction.write(insertOidcProvider(transaction, { id, accountId, settings, now: transaction.now }));
      return this.#event(transaction, "CreateOIDCProvider", { id, accountId, ...settings });
    });
  }

  /**
   * Deletes a provider, and so ends every session that began with one of its tokens.
   *
   * @throws AdministrationError `accountNotFound`, `providerNotFound`
   */
  async delete(accountId: AccountId, name: string): Promise<void> {
    await this.#store.run(async (transaction) => {
      await assertAccount(transaction, accountId);
      const provider = await findOidcProvider(transaction, { accountId, name });
      if (provider === undefined) {
        throw new AdministrationError("providerNotFound", `The account ${accountId} has no provider ${name}.`);
      }
      await transaction.write(deleteOidcProviderRow(transaction, provider));
      transaction.touch(oidcProviderKind, provider.id);
      return this.#event(transaction, "DeleteOIDCProvider", provider);
    });
  }

  get #reader(): EntityReader {
    return { db: this.#store.reader, guard: this.#store.guard };
  }

  #event(
    transaction: ControlTransaction,
    name: SystemEventName,
    provider: OidcProviderSettings & Pick<OidcProvider, "id" | "accountId">,
  ): { result: undefined; event: string } {
    const { id: providerId, accountId, name: providerName, issuer, clientIds, ca, allowsLocalAddresses } = provider;
    const caDigest = ca !== undefined && { caDigest: `sha256:${hash("sha256", ca, "hex")}` };
    const event = encodeSystemEvent({
      name,
      region: this.#store.region,
      eventId: randomUUID().toUpperCase(),
      time: transaction.now,
      epoch: transaction.epoch,
      data: { accountId, allowsLocalAddresses, ...caDigest, clientIds, issuer, providerId, providerName },
      accountId,
      resource: { type: "ACS::RAM::OIDCProvider", name: providerName },
    });
    return { result: undefined, event };
  }
}

async function assertAccount(reader: EntityReader, id: AccountId): Promise<void> {
  if ((await accountKind.load(reader, id)) !== undefined) return;
  throw new AdministrationError("accountNotFound", `There is no account ${id}.`);
}

/** @throws AdministrationError `invalidProvider` */
function assertSettings({ name, issuer, clientIds, ca }: OidcProviderSettings): void {
  if (!isProviderName(name)) {
    throw invalid("A provider's name is 1 to 128 letters, digits, periods, underscores and hyphens.");
  }
  if (!isIssuer(issuer)) {
    throw invalid("An issuer is a URL that begins with https://, without a user, a query or a fragment.");
  }
  if (clientIds.length === 0 || clientIds.length > MAX_CLIENT_IDS) {
    throw invalid(`A provider has 1 to ${MAX_CLIENT_IDS} client ids.`);
  }
  if (clientIds.some((id) => !/^[\x21-\x7e]+$/.test(id) || id.length > MAX_CLIENT_ID_CHARACTERS)) {
    throw invalid(`A client id is 1 to ${MAX_CLIENT_ID_CHARACTERS} visible ASCII characters.`);
  }
  if (ca !== undefined) assertCertificates(ca);
}

/** OpenID Connect Discovery 1.0, section 3, `issuer`. */
function isIssuer(text: string): boolean {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  return (
    url?.protocol === "https:" &&
    text.length <= MAX_ISSUER_CHARACTERS &&
    text.startsWith("https://") &&
    !/[?#\s]/.test(text) &&
    url.username === "" &&
    url.password === ""
  );
}

function assertCertificates(pem: string): void {
  const certificates = pem.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  if (certificates.length === 0 || pem.length > MAX_CA_BYTES) {
    throw invalid(`The CA must be certificates in PEM, at most ${MAX_CA_BYTES} bytes of them.`);
  }
  if (!certificates.every(isCertificate)) throw invalid("The CA holds a certificate that cannot be read.");
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).subject !== "";
  } catch {
    return false;
  }
}

function invalid(message: string): AdministrationError {
  return new AdministrationError("invalidProvider", message);
}
