/**
 * Says once in the log that visitors come through a proxy of which nothing is believed: all have its address there, so what is
 * personal cannot be told apart, and travels whole. SPEC section "Scope".
 */
import type { Log } from "../../protocol/daemon/log.ts";
import { LIST_THE_PROXY } from "../config/trusted-proxies.ts";
import type { VisitorRequest } from "./visitor-request.ts";

export class UntrustedProxies {
  readonly #log: Log;
  #said = false;

  constructor(log: Log) {
    this.#log = log;
  }

  /** A personal page of a visitor without a credential was not remembered. */
  met({ host, target, address }: Pick<VisitorRequest, "host" | "target" | "address">): void {
    if (this.#said) return;
    this.#said = true;
    this.#log.warn("no base", {
      reason: "proxy-not-trusted",
      proxy: address,
      host,
      target,
      hint: LIST_THE_PROXY,
    });
  }
}
