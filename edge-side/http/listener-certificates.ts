/**
 * The certificates of one HTTPS listener: which of them a connection is shown, by the name that it asks for (SNI), renewed while the
 * listener runs, and whether a connection may ask for a host. SPEC section "Visitors".
 */
import { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import {
  createSecureContext,
  type SecureContext,
  type SecureContextOptions,
  type TlsOptions,
} from "node:tls";
import type { CertificateFiles } from "../config/listener-config.ts";

interface Loaded {
  readonly shown: X509Certificate;
  readonly context: SecureContext;
}

/** At least one. */
type Loadeds = readonly [Loaded, ...Loaded[]];

/** What can be told a server that runs. */
type Renewed = { setSecureContext(context: SecureContextOptions): void };

export class ListenerCertificates {
  #files: readonly CertificateFiles[];
  #loaded: Loadeds;
  #server: Renewed | undefined;

  /** Of at least one. Throws what TLS says of one that it cannot use. */
  constructor(files: readonly CertificateFiles[]) {
    this.#files = files;
    this.#loaded = load(files);
  }

  get options(): TlsOptions {
    return {
      ...firstOf(this.#files),
      SNICallback: (name, found) => found(null, this.#for(name)?.context),
    };
  }

  usedBy(server: Renewed): void {
    this.#server = server;
  }

  /** New connections get these. */
  renew(files: readonly CertificateFiles[]): void {
    this.#loaded = load(files);
    this.#files = files;
    this.#server?.setSecureContext(firstOf(files));
  }

  /**
   * Whether a connection may ask for this host. One that named no host of ours when it was made may ask for any: proxies do so, which look
   * at no certificate. Browsers use a connection for all hosts that its certificate names, and are told of the others by 421 (RFC 9110
   * section 15.5.20).
   */
  covers(host: string, socket: Socket, isServed: (host: string) => boolean): boolean {
    const sni = "servername" in socket ? socket.servername : undefined;
    if (typeof sni !== "string") return true;
    const asked = sni.toLowerCase();
    if (asked === host) return true;
    const shown = this.#for(asked);
    if (shown === undefined || names(shown.shown, host)) return true;
    return !isServed(asked) && this.#for(host) === undefined;
  }

  /** The one that names this host, rather as itself than by `*`. */
  #for(host: string): Loaded | undefined {
    return (
      this.#loaded.find(({ shown }) => names(shown, host, false)) ??
      this.#loaded.find(({ shown }) => names(shown, host))
    );
  }
}

const names = (certificate: X509Certificate, host: string, wildcards = true): boolean => {
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  try {
    const named = isIP(bare) === 0 ? certificate.checkHost(bare, { wildcards }) : certificate.checkIP(bare);
    return named !== undefined;
  } catch {
    return false; // no name that a certificate could have
  }
};

const load = (files: readonly CertificateFiles[]): Loadeds => {
  const [first, ...others] = files.map((each) => ({
    shown: new X509Certificate(each.certificate.bytes),
    context: createSecureContext(contextOf(each)),
  }));
  if (first === undefined) throw new RangeError("a listener of HTTPS without a certificate");
  return [first, ...others];
};

const firstOf = (files: readonly CertificateFiles[]): SecureContextOptions =>
  files[0] === undefined ? {} : contextOf(files[0]);

const contextOf = ({ certificate, privateKey }: CertificateFiles): SecureContextOptions => ({
  cert: certificate.bytes,
  key: privateKey.bytes,
  minVersion: "TLSv1.2",
});
