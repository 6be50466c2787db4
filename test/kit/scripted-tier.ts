/** A tier whose answers come when the test says so. */
import type { StoreId } from "../../protocol/store/stored-version.ts";
import type { Forgotten, LowerTier, StoredVersion } from "../../protocol/tier/lower-tier.ts";

export class ScriptedTier implements LowerTier {
  readonly name = "scripted";
  readonly answers = true;
  readonly askAgainMs = 60_000;
  readonly dropped = 0;
  readonly storeId = "s".repeat(16) as StoreId;
  readonly puts: StoredVersion[] = [];
  readonly forgotten: Forgotten[] = [];
  readonly asked: PromiseWithResolvers<readonly StoredVersion[]>[] = [];

  nominated = () => this.#ask();
  listed = () => this.#ask();
  put = (version: StoredVersion) => void this.puts.push(version);
  close = () => Promise.resolve();

  forget(what: Forgotten): Promise<void> {
    this.forgotten.push(what);
    return Promise.resolve();
  }

  #ask(): Promise<readonly StoredVersion[]> {
    const asked = Promise.withResolvers<readonly StoredVersion[]>();
    this.asked.push(asked);
    return asked.promise;
  }
}
