export {
  findCertificate,
  type FoundCertificate,
  listCertificates,
  subjectOf,
  verifyCertificate,
} from "./certificates.ts";
