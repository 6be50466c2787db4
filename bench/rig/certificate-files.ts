/** A certificate for an HTTPS listener of a measured edge, made by the system's openssl, so that no private key is kept. */
import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface CertificateFiles {
  readonly certificate: string;
  readonly privateKey: string;
  remove(): Promise<void>;
}

/** Throws where openssl cannot be run. */
export const makeCertificate = async (host: string): Promise<CertificateFiles> => {
  const folder = await mkdtemp(join(tmpdir(), "coilgun-certificate-"));
  const remove = () => rm(folder, { recursive: true, force: true });
  const [certificate, privateKey] = [join(folder, "site.pem"), join(folder, "site.key")];
  const { error, status, stderr } = spawnSync(
    "openssl",
    [
      ...["req", "-x509", "-nodes", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"],
      ...["-subj", `/CN=${host}`, "-days", "1", "-out", certificate, "-keyout", privateKey],
    ],
    { encoding: "utf8" },
  );
  if (error === undefined && status === 0) return { certificate, privateKey, remove };
  await remove();
  throw new Error(`openssl, which this needs for HTTP/2, made no certificate: ${error?.message ?? stderr}`);
};
