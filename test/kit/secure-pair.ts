/**
 * A pair whose edge has two listeners, plain HTTP and HTTPS with a certificate of a fresh authority, as an edge that faces
 * browsers has. The certificate can be changed on disk and taken over, as SIGHUP does.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
  /** The one that visitors were shown first, PEM. */
  readonly certificate: string;
  /** Of the plain listener, and of the one with TLS. */
  readonly http: number;
  readonly https: number;
  /** Another certificate takes the place of the one in use, for connections to come. */
  renew(pair: CertificatePair): Promise<void>;
}

/** Where a listener finds its certificate, which `write` changes. */
export interface SiteFiles extends Disposable {
  readonly authority: Authority;
  readonly authorityFile: string;
  /** Settings of a listener in edge.yaml. */
  readonly named: { readonly certificate: string; readonly privateKey: string };
  write(pair: CertificatePair): void;
}

export const makeSiteFiles = (): SiteFiles => {
  const folder = mkdtempSync(join(tmpdir(), "coilgun-secure-"));
  const authority = makeAuthority();
  const authorityFile = join(folder, "authority.pem");
  const named = { certificate: join(folder, "site.pem"), privateKey: join(folder, "site.key") };
  const write = ({ certificate, privateKey }: CertificatePair) => {
    writeFileSync(named.certificate, certificate);
    writeFileSync(named.privateKey, privateKey);
  };
  writeFileSync(authorityFile, authority.certificate);
  write(authority.issue({ name: HOST, names: [HOST, "localhost", "127.0.0.1"] }));
  return {
    authority,
    authorityFile,
    named,
    write,
    [Symbol.dispose]: () => rmSync(folder, { recursive: true }),
  };
};

export const openSecurePair = async (options: PairOptions): Promise<SecurePair> => {
  const undo = new AsyncDisposableStack();
  const site = undo.use(makeSiteFiles());
  const edge = {
    visitors: ["127.0.0.1:0", { listen: "127.0.0.1:0", ...site.named }],
    ...options.edge,
  };
  const certificate = readFileSync(site.named.certificate, "utf8");
  const pair = undo.use(await openPair({ ...options, edge }));
  const [http, https] = pair.edge.visitorsAddresses;
  return {
    pair,
    authority: site.authority,
    authorityFile: site.authorityFile,
    certificate,
    http: http?.port ?? 0,
    https: https?.port ?? 0,
    async renew(next) {
      site.write(next);
      await pair.edge.reload(edgeConfigOf(edge));
    },
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  };
};
