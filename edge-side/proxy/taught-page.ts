/**
 * A page that goes to a visitor without a link, kept while it passes, so that it can be remembered as any other. Given up where there is no
 * memory for it.
 */
import type { ResponseHead } from "../../protocol/http/head.ts";
import type { Lease } from "../../protocol/runtime/memory-budget.ts";
import type { Scope } from "../../protocol/scope/scope.ts";
import { fingerprintOf } from "../../protocol/store/fingerprint.ts";
import { pageKeyOf } from "../../protocol/store/page-key.ts";
import { partitionOf } from "../../protocol/store/partition.ts";
import type { Version } from "../../protocol/store/version-store.ts";
import type { BodyEnd } from "../../protocol/upstream/body.ts";
import type { Visitor } from "../exchange/visitor.ts";
import { placeOf } from "../exchange/visitor-address.ts";
import { isAuthenticated } from "../exchange/visitor-connection.ts";
import type { ServeDependencies } from "./dependencies.ts";
import type { HostRules } from "./served-hosts.ts";

export class TaughtPage {
  readonly #visitor: Visitor;
  readonly #rules: HostRules;
  readonly #dependencies: ServeDependencies;
  readonly #lease: Lease;
  /** Undefined once it is given up. */
  #pieces: Buffer[] | undefined = [];
  #bytes = 0;
  #complete = false;

  constructor(visitor: Visitor, rules: HostRules, dependencies: ServeDependencies) {
    this.#visitor = visitor;
    this.#rules = rules;
    this.#dependencies = dependencies;
    this.#lease = dependencies.memory.lease(rules.keyId);
  }

  /** The same pieces. */
  async *keeping(pieces: AsyncGenerator<Buffer, BodyEnd>): AsyncGenerator<Buffer, BodyEnd> {
    try {
      for (;;) {
        const step = await pieces.next();
        if (step.done) {
          this.#complete = true;
          return step.value;
        }
        this.#keep(step.value);
        yield step.value;
      }
    } finally {
      await pieces.return({ how: "closed", trailers: [] });
    }
  }

  /** Remembers it, if all of it is here, in the scope that it has. */
  remembered(head: ResponseHead): [Version | undefined, Scope | undefined] {
    const pieces = this.#pieces;
    const { store, hosts } = this.#dependencies;
    const { target, host, fields } = this.#visitor;
    if (pieces === undefined || !this.#complete || isAuthenticated(this.#visitor, head.fields))
      return [undefined, undefined];
    const credentials = this.#rules.scope.credentialsOf(fields, host);
    const place = placeOf(this.#visitor, (address) => hosts.trusts(address));
    const scope = this.#rules.scope.scopeOf({
      credentials,
      addressed: place && this.#rules.scope.addressed(credentials, place),
      method: this.#visitor.method,
      target,
      status: head.status,
      response: head.fields,
    });
    const body = Buffer.concat(pieces);
    const partition = partitionOf({ keyId: this.#rules.keyId, host });
    const fingerprint = fingerprintOf(body);
    return [store.remember(partition, { ...pageKeyOf(target), body, fingerprint, scope }), scope];
  }

  release(): void {
    this.#pieces = undefined;
    this.#lease.release();
  }

  #keep(piece: Buffer): void {
    if (this.#pieces === undefined) return;
    this.#bytes += piece.length;
    if (this.#bytes <= this.#dependencies.pageBytes && this.#lease.grow(piece.length))
      return void this.#pieces.push(piece);
    this.release();
  }
}
