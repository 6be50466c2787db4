/**
 * The certificate of one HTTPS listener: what TLS needs of it, renewed while the listener runs, and whether a connection that
 * it verified may ask for a host. SPEC section "Visitors".
 */
import { X509Certificate } from "node:crypto";
import { isIP, type Socket } from "node:net";
import type { SecureContextOptions, Server } from "node:tls";
import type { VisitorTls } from "../config/listener-config.ts";

export class ListenerCertificate {
  #pem: VisitorTls;
  #shown: X509Certificate;
  #server: Pick<Server, "setSecureContext"> | undefined;

  constructor(pem: VisitorTls) {
    this.#pem = pem;
    this.#shown = new X509Certificate(pem.certificate.bytes);
  }

  get context(): SecureContextOptions {
    return contextOf(this.#pem);
  }

  usedBy(server: Pick<Server, "setSecureContext">): void {
    this.#server = server;
  }

  /** New connections get this one. */
  renew(pem: VisitorTls): void {
    const shown = new X509Certificate(pem.certificate.bytes);
    this.#server?.setSecureContext(contextOf(pem));
    this.#pem = pem;
    this.#shown = shown;
  }

  /**
   * Whether the visitor has seen a proof for this host: it asked for it by name when it connected, or the certificate names
   * it. Browsers use one connection for all hosts that its certificate names, and are told of the others by 421 (RFC 9110
   * section 15.5.20).
   */
  covers(host: string, socket: Socket): boolean {
    const asked = "servername" in socket ? socket.servername : undefined;
    return (typeof asked === "string" && asked.toLowerCase() === host) || this.#names(host);
  }

  #names(host: string): boolean {
    const bare = host.startsWith("[") ? host.slice(1, -1) : host;
    try {
      return (isIP(bare) === 0 ? this.#shown.checkHost(bare) : this.#shown.checkIP(bare)) !== undefined;
    } catch {
      return false; // no name that a certificate could have
    }
  }
}

const contextOf = ({ certificate, privateKey }: VisitorTls): SecureContextOptions => ({
  cert: certificate.bytes,
  key: privateKey.bytes,
  minVersion: "TLSv1.2",
});
