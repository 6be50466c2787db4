/** What an answer's cookies make of those of a request: which come, go, or take another's place. SPEC "Renewed credentials". */
import type { SetCookie } from "./counted-cookies.ts";
import { type Credential, isCookie, isShort } from "./credential.ts";

export interface CookieChanges {
  /** What the visitor shows next. */
  readonly next: readonly Credential[];
  /** Long values that are set. */
  readonly given: readonly { readonly credential: Credential; readonly isHeld: boolean }[];
  /** Long values in place of long ones, by name. */
  readonly renewed: ReadonlySet<string>;
  /** Short values in place of short ones: what was there before, by name. */
  readonly replaced: ReadonlyMap<string, string>;
  /** A credential is taken away, or something short is put in the place of a long one. */
  readonly lost: boolean;
  /** Anything else comes or goes. */
  readonly others: boolean;
}

const NO_VALUES: ReadonlySet<string> = new Set();

/** What was there of each name, then what each cookie of the response makes of it: a response may set as many as there are. */
export const cookieChanges = (shown: readonly Credential[], cookies: readonly SetCookie[]): CookieChanges => {
  const before = new Map<string, ReadonlySet<string>>();
  for (const [name, same] of Map.groupBy(shown.filter(isCookie), ({ name }) => name))
    before.set(name, new Set(same.map(({ value }) => value)));
  const valuesOf = new Map(before);
  const set = new Map<string, Credential>();
  const renewed = new Set<string>();
  const replaced = new Map<string, string>();
  let lost = false;
  let others = false;
  for (const { name, value, removed } of cookies) {
    const held = valuesOf.get(name) ?? NO_VALUES;
    const [old] = held;
    valuesOf.set(name, removed ? NO_VALUES : new Set([value]));
    set.delete(name);
    if (!removed) set.set(name, { from: "cookie", name, value });
    if (old === undefined) others ||= !removed;
    else if (removed || (held.size > 1 && isShort(value))) lost = true;
    else if (held.size > 1) others = true;
    else if (old === value) continue;
    else if (isShort(old) && isShort(value)) replaced.set(name, replaced.get(name) ?? old);
    else if (isShort(value)) lost = true;
    else if (isShort(old)) others = true;
    else renewed.add(name);
  }
  const named = new Set(cookies.map(({ name }) => name));
  const kept = shown.filter((each) => !isCookie(each) || !named.has(each.name));
  const given = [...set.values()]
    .filter(({ value }) => !isShort(value))
    .map((credential) => ({
      credential,
      isHeld: before.get(credential.name)?.has(credential.value) === true,
    }));
  return { next: [...kept, ...set.values()], given, renewed, replaced, lost, others };
};
