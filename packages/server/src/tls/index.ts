export { isCertificateName } from "./certificate-names.ts";
export { loadGivenCertificate } from "./given-certificate.ts";
export { ensureServerCertificate, type OwnCaMaterial, serverNames } from "./own-ca.ts";
export { rootOfTrust } from "./root-of-trust.ts";
export type { TlsMaterial } from "./tls-material.ts";
