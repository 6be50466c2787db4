import { describe, expect, it } from "vitest";
import type { UsableBase } from "../../../origin-side/answer/coding/choose-answer.ts";
import { KnownSessions } from "../../../origin-side/answer/known-sessions.ts";
import type { SessionKey } from "../../../protocol/scope/credentials.ts";
import type { Scope } from "../../../protocol/scope/scope.ts";
import { fingerprintOf } from "../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../protocol/store/partition.ts";
import { VersionStore } from "../../../protocol/store/version-store.ts";
import { FakeClock } from "../../kit/fake-clock.ts";

const TENANT = partitionOf({ keyId: "k", host: "www.example.com" });
const PUBLIC: Scope = { kind: "public", retention: "keep" };

const made = () => {
  const store = new VersionStore({ clock: new FakeClock() });
  const base = (text: string, scope: Scope): UsableBase => {
    const body = Buffer.from(text);
    const sighting = { url: "/", templates: [], body, fingerprint: fingerprintOf(body), scope };
    const version = store.remember(TENANT, sighting);
    if (version === undefined) throw new Error("not remembered");
    return { offer: 0, version };
  };
  const ofSession = (session: SessionKey): Scope => ({
    kind: "session",
    session,
    retention: "session",
    marks: undefined,
  });
  return { store, base, ofSession, sessions: new KnownSessions() };
};

describe("who offers", () => {
  it("nothing is a new session each time", () => {
    const { sessions } = made();
    expect(sessions.of([])).not.toBe(sessions.of([]));
  });

  it("a session's version is that session, and by the best of them where there are several", () => {
    const { sessions, base, ofSession } = made();
    const [ann, bob] = [sessions.of([]), sessions.of([])];
    const [anns, bobs] = [base("ann", ofSession(ann)), base("bob", ofSession(bob))];
    expect([sessions.of([anns]), sessions.of([anns, bobs]), sessions.of([bobs, anns])]).toEqual([
      ann,
      bob,
      ann,
    ]);
  });

  it("everybody's versions beside one's own is who that one is of", () => {
    const { sessions, base, ofSession } = made();
    const ann = sessions.of([]);
    const [all, own] = [base("all", PUBLIC), base("own", ofSession(ann))];
    expect(sessions.of([own, all])).toBe(ann);
    expect(sessions.of([all])).not.toBe(ann);
  });

  it("only what is everybody's by now is nobody known", () => {
    const { sessions, base, ofSession } = made();
    const ann = sessions.of([]);
    const own = base("own", ofSession(ann));
    base("own", PUBLIC);
    expect(sessions.of([own])).not.toBe(ann);
  });

  it("what the store has dropped is nobody known", () => {
    const { store, sessions, base, ofSession } = made();
    const ann = sessions.of([]);
    const own = base("own", ofSession(ann));
    store.forget({ partition: TENANT });
    expect(sessions.of([own])).not.toBe(ann);
  });
});
