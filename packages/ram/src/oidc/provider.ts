/** The ARN of a provider, which trust policies name as `Federated`. */
export function oidcProviderArn(accountId: string, name: string): string {
  return `acs:ram::${accountId}:oidc-provider/${name}`;
}

const ARN = /^acs:ram::([1-9][0-9]{15}):oidc-provider\/([A-Za-z0-9._-]{1,128})$/;

/** The inverse of {@link oidcProviderArn}; `undefined` if it is no such ARN. */
export function parseOidcProviderArn(text: string): { readonly accountId: string; readonly name: string } | undefined {
  const [, accountId, name] = ARN.exec(text) ?? [];
  return accountId === undefined || name === undefined ? undefined : { accountId, name };
}

/** Whether a provider may have this name. */
export function isProviderName(text: string): boolean {
  return /^[A-Za-z0-9._-]{1,128}$/.test(text);
}
