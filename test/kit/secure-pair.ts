/**
 * A pair whose edge has two listeners, plain HTTP and HTTPS with a certificate of a fresh authority, as an edge that faces
 * browsers has. The certificate can be changed on disk and taken over, as SIGHUP does.
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Authority, type CertificatePair, makeAuthority } from "./certificates.ts";
import { edgeConfigOf } from "./daemons.ts";
import { openPair, type Pair, type PairOptions } from "./pair.ts";
import { HOST } from "./real-daemons.ts";

export interface SecurePair extends AsyncDisposable {
  readonly pair: Pair;
  readonly authority: Authority;
  /** The authority's certificate, PEM. */
  readonly authorityFile: string;
  /** Of the plain listener, and of the one with TLS. */
  readonly http: number;
  readonly https: number;
  /** Another certificate takes the place of the one in use, for connections to come. */
  renew(pair: CertificatePair): Promise<void>;
}

export const openSecurePair = async (options: PairOptions): Promise<SecurePair> => {
  const undo = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), "coilgun-secure-"));
  undo.defer(() => rmSync(folder, { recursive: true }));
  const authority = makeAuthority();
  const files = {
    authority: join(folder, "authority.pem"),
    certificate: join(folder, "site.pem"),
    privateKey: join(folder, "site.key"),
  };
  const write = ({ certificate, privateKey }: CertificatePair) => {
    writeFileSync(files.certificate, certificate);
    writeFileSync(files.privateKey, privateKey);
  };
  writeFileSync(files.authority, authority.certificate);
  write(authority.issue({ name: HOST, names: [HOST, "localhost", "127.0.0.1"] }));
  const { certificate, privateKey } = files;
  const edge = {
    visitors: ["127.0.0.1:0", { listen: "127.0.0.1:0", certificate, privateKey }],
    ...options.edge,
  };
  const pair = undo.use(await openPair({ ...options, edge }));
  const [http, https] = pair.edge.visitorsAddresses;
  return {
    pair,
    authority,
    authorityFile: files.authority,
    http: http?.port ?? 0,
    https: https?.port ?? 0,
    async renew(next) {
      write(next);
      await pair.edge.reload(edgeConfigOf(edge));
    },
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
};
