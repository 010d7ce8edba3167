import { ApiError, type DeclaredOperation, defineOperation, ERRORS } from "@cinnabar/kernel";
import { z } from "zod";
import { kms } from "../api.ts";

/** Operations that Alibaba Cloud has taken out of the API, with what their callers can do instead. */
interface RemovedOperations {
  readonly names: readonly string[];
  readonly instead: string;
}

/** The first ten were in generated clients until July 2026; the others went earlier (aliyun-openapi-meta, "metadatas/kms"). */
const REMOVED: readonly RemovedOperations[] = [
  {
    names: [
      "CreateCertificate",
      "UploadCertificate",
      "DescribeCertificate",
      "GetCertificate",
      "UpdateCertificateStatus",
      "DeleteCertificate",
      "CertificatePrivateKeyDecrypt",
      "CertificatePrivateKeySign",
      "CertificatePublicKeyEncrypt",
      "CertificatePublicKeyVerify",
      "ListCertificates",
      "ImportCertificate",
      "ImportEncryptionCertificate",
      "ExportCertificate",
    ],
    instead: "No certificates are kept here. A key signs with AsymmetricSign and decrypts with AsymmetricDecrypt.",
  },
  {
    names: [
      "CreateCertificateAuthority",
      "DescribeCertificateAuthority",
      "ListCertificateAuthorities",
      "UpdateCertificateAuthority",
      "DeleteCertificateAuthority",
      "GenerateSelfSignCertificateAuthority",
      "GetCertificateAuthorityCertificate",
      "GetCertificateAuthorityCsr",
      "ImportCertificateAuthorityCertificate",
      "IssueCertificate",
      "DescribeIssuedCertificate",
      "GetIssuedCertificate",
      "ListIssuedCertificates",
      "RevokeIssuedCertificate",
      "IssueCrl",
      "GetCrl",
    ],
    instead: "There are no certificate authorities here. One elsewhere can have a key sign with AsymmetricSign.",
  },
  {
    names: [
      "CreateKeyStore",
      "ConnectKeyStore",
      "DescribeKeyStores",
      "UpdateKeyStore",
      "DisconnectKeyStore",
      "DeleteKeyStore",
    ],
    instead: "Instances have taken the place of key stores: see ListKmsInstances and ConnectKmsInstance.",
  },
  {
    names: ["CreateAccessPoint", "ListAccessPoints", "UpdateAccessPoint", "DeleteAccessPoint"],
    instead: "Application access points have taken their place: see CreateApplicationAccessPoint.",
  },
  {
    names: ["CreateServiceKey"],
    instead: "A service's key is made when the service first uses it.",
  },
];

/**
 * They answer `UnsupportedOperation` to every caller who has signed, whatever the parameters and the rights, and the call is
 * put on record like any other.
 */
export const removedOperations: readonly DeclaredOperation[] = REMOVED.flatMap(({ names, instead }) =>
  names.map((name) => removed(name, instead)),
);

function removed(name: string, instead: string): DeclaredOperation {
  return defineOperation({
    ...kms,
    name,
    summary: `Removed from the API by Alibaba Cloud. ${instead}`,
    kind: "read",
    readWrite: /^(?:Describe|Get|List)/.test(name) ? "Read" : "Write",
    parameters: {},
    result: z.object({}),
    recordedResult: [],
    errors: ["UnsupportedOperation"],
    target: () => undefined,
    access: () => [],
    handle() {
      const { message } = ERRORS.UnsupportedOperation;
      throw new ApiError(
        "UnsupportedOperation",
        `${message} Alibaba Cloud has removed ${name} from the API. ${instead}`,
      );
    },
  });
}
