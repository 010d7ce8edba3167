import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import type { Configuration } from "../configuration/index.ts";
import { readFileIfThere } from "../data-directory/index.ts";
import { formatListenAddress, isLoopback } from "../listener/index.ts";
import { loadGivenCertificate } from "../tls/index.ts";
import { Findings, sentenceOf } from "./finding.ts";

const DAY_MILLIS = 86_400_000;
const WARN_DAYS = 30;

/** Looks at the certificates that the server has or is going to have. @param now - milliseconds since 1970. */
export async function checkTls(configuration: Configuration, now: number): Promise<Findings> {
  const findings = new Findings();
  const { data, listen, tls } = configuration;
  switch (tls.kind) {
    case "none": {
      const address = formatListenAddress(listen);
      if (isLoopback(listen.host)) findings.ok("tls", `none is needed on ${address}`);
      else {
        findings.warning("tls", {
          found: `${address} is served without TLS: plaintexts and data keys can be read on the way`,
          advice: "Use --tls, or --tls-cert and --tls-key, unless something else protects the way",
          see: "docs/configuration.md",
        });
      }
      break;
    }
    case "files": {
      try {
        await loadGivenCertificate({ ...tls, now });
      } catch (error) {
        findings.problem("certificate", { found: sentenceOf(error), advice: "No server starts with it: replace it" });
        break;
      }
      const pem = await readFileIfThere(tls.certFile);
      if (pem !== undefined)
        checkExpiry(findings, { path: tls.certFile, pem, now, remedy: "Replace it and start again" });
      break;
    }
    case "own-ca": {
      for (const [name, remedy] of [
        ["ca.pem", "Move the CA's files away, start again, and give clients the new ca.pem"],
        ["server.pem", "Start the server again: it makes a new one"],
      ] as const) {
        const path = join(data, name);
        const pem = await readFileIfThere(path);
        if (pem === undefined) findings.ok("certificate", `${path} is made at the next start`);
        else checkExpiry(findings, { path, pem, now, remedy });
      }
    }
  }
  return findings;
}

function checkExpiry(findings: Findings, options: { path: string; pem: Buffer; now: number; remedy: string }): void {
  const { path, pem, now, remedy: advice } = options;
  const see = "docs/runbooks/certificate-expiring.md";
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(pem);
  } catch {
    findings.problem("certificate", { found: `${path} is no certificate in PEM`, advice, see });
    return;
  }
  const days = Math.floor((certificate.validToDate.getTime() - now) / DAY_MILLIS);
  const until = certificate.validToDate.toISOString().slice(0, 10);
  if (days < 0) findings.problem("certificate", { found: `${path} expired on ${until}`, advice, see });
  else if (days < WARN_DAYS) {
    findings.warning("certificate", { found: `${path} expires in ${days} days, on ${until}`, advice, see });
  } else {
    const names = certificate.subjectAltName?.replaceAll(/(?:DNS|IP Address):/g, "");
    findings.ok("certificate", `${path} is valid until ${until}${names === undefined ? "" : `, for ${names}`}`);
  }
}
