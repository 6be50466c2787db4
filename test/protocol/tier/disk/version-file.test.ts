/** One file of versions: what is found again, what gives way, what is erased, and what a damaged one is good for. */
import { randomBytes } from "node:crypto";
import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it } from "vitest";
import type { SessionKey } from "../../../../protocol/scope/session-key.ts";
import { shortOf } from "../../../../protocol/store/fingerprint.ts";
import { partitionOf } from "../../../../protocol/store/partition.ts";
import type { StoreId } from "../../../../protocol/store/stored-version.ts";
import { KEY_MS } from "../../../../protocol/tier/disk/partition-keys.ts";
import { VersionFile, type VersionFileOptions } from "../../../../protocol/tier/disk/version-file.ts";
import { inFolder, PARTITION, PEER, storedVersion, textOf } from "./stored.ts";

const NOW = Date.UTC(2030, 0, 1);
const SESSION = "s".repeat(16) as SessionKey;
const PUBLIC = { scopeKey: "public", key: "/news" } as const;
const OWN = { scopeKey: SESSION, key: "/news" };
const HOUR = 3_600_000;

const withFile = (
  use: (file: VersionFile, path: string, again: () => VersionFile) => unknown,
  more: Partial<VersionFileOptions> = {},
) =>
  inFolder((folder) => {
    const path = join(folder, "versions");
    const opened: VersionFile[] = [];
    const open = () => {
      for (const file of opened.splice(0)) file.close();
      const file = new VersionFile({
        path,
        bytes: 64 * 2 ** 20,
        storeKey: Buffer.alloc(32, 1),
        sessionMs: HOUR,
        ...more,
      });
      opened.push(file);
      return file;
    };
    try {
      return use(open(), path, open);
    } finally {
      for (const file of opened) file.close();
    }
  });

const bytesIn = (path: string): string =>
  ["", "-wal"].map((end) => readFileSync(`${path}${end}`, "latin1")).join("");

it("finds after it is opened again what was put: by URL, by template, by short fingerprint, newest first, under the same store id", () =>
  withFile((file, _, again) => {
    const pages = ["one", "two"].map((text) => storedVersion(text));
    file.put(pages, NOW);
    const later = again();
    expect(later.storeId).toBe(file.storeId);
    expect(later.madeAnew).toBeUndefined();
    expect(later.listed(PARTITION, [PUBLIC]).map(textOf)).toEqual(["two", "one"]);
    // Of a template the newest version of each page.
    const [template] = [{ scopeKey: "public", key: "html **" } as const];
    expect(later.listed(PARTITION, [template]).map(textOf)).toEqual(["two"]);
    const shorts = pages.map(({ fingerprint }) => shortOf(fingerprint));
    expect(later.nominated(PARTITION, shorts)).toEqual(pages);
  }));

it("finds nothing in another partition, for another session, or that another store of the peer holds", () =>
  withFile((file) => {
    const page = storedVersion("mine", { scopeKey: SESSION });
    file.put([page], NOW);
    const other = partitionOf({ keyId: "other", host: "www.example.com" });
    expect(file.listed(other, [OWN])).toEqual([]);
    expect(file.nominated(other, [shortOf(page.fingerprint)])).toEqual([]);
    expect(file.listed(PARTITION, [PUBLIC, { ...OWN, scopeKey: "t".repeat(16) as SessionKey }])).toEqual([]);
    expect(file.listed(PARTITION, [OWN], "q".repeat(16) as StoreId)).toEqual([]);
    expect(file.listed(PARTITION, [OWN], PEER)).toEqual([page]);
  }));

it("keeps as many versions of a URL and a template as memory does, and nothing that stands in no list", () =>
  withFile((file) => {
    const of = (url: string, i: number) => storedVersion(`${url} ${i}`, { url });
    file.put(
      [1, 2, 3, 4, 5, 6].map((i) => of("/a", i)),
      NOW,
    );
    expect(file.count).toBe(4);
    file.put(
      Array.from({ length: 12 }, (_, i) => of(`/page/${i}`, 0)),
      NOW,
    );
    // All twelve stand under their own URLs.
    expect(file.count).toBe(16);
    const found = file.listed(PARTITION, [{ scopeKey: "public", key: "html **" }]).map(textOf);
    expect(found).toEqual(["/page/11 0", "/page/10 0", "/page/9 0", "/page/8 0"]);
  }));

it("stays within its bytes, and lets go of what was not seen for longest", () =>
  withFile(
    (file, path) => {
      const page = (i: number) => storedVersion(randomBytes(100_000), { url: `/${i}` });
      const first = page(0);
      file.put([first], NOW);
      for (let i = 1; i < 120; i++) file.put(i % 10 === 0 ? [page(i), first] : [page(i)], NOW + i);
      expect(statSync(path).size).toBeLessThanOrEqual(8 * 2 ** 20);
      expect(file.count).toBeGreaterThan(10);
      expect(file.listed(PARTITION, [{ scopeKey: "public", key: "/0" }])).toEqual([first]);
      expect(file.listed(PARTITION, [{ scopeKey: "public", key: "/1" }])).toEqual([]);
    },
    { bytes: 8 * 2 ** 20 },
  ));

it("holds no byte, URL or name of what is a session's in clear, and nothing for who has another store key", () =>
  inFolder((folder) => {
    const path = join(folder, "versions");
    const open = (fill: number) =>
      new VersionFile({ path, bytes: 2 ** 26, storeKey: Buffer.alloc(32, fill), sessionMs: HOUR });
    const secret = randomBytes(2_000);
    const file = open(1);
    file.put([storedVersion(secret, { scopeKey: SESSION, url: "/my-account" })], NOW);
    const bytes = bytesIn(path);
    for (const clear of [secret.toString("latin1", 0, 100), "my-account", SESSION])
      expect(bytes).not.toContain(clear);
    file.close();
    const stranger = open(2);
    expect(stranger.listed(PARTITION, [{ scopeKey: SESSION, key: "/my-account" }])).toEqual([]);
    stranger.close();
  }));

it("forgets a session's versions in time, and the keys of earlier days with them", () =>
  withFile((file, path) => {
    file.put([storedVersion("mine", { scopeKey: SESSION }), storedVersion("everybody's")], NOW);
    file.expire(NOW + HOUR);
    expect(file.count).toBe(2);
    file.put([storedVersion("of tomorrow", { scopeKey: SESSION })], NOW + KEY_MS);
    file.expire(NOW + KEY_MS + 1);
    expect(file.listed(PARTITION, [OWN]).map(textOf)).toEqual(["of tomorrow"]);
    expect(file.listed(PARTITION, [PUBLIC]).map(textOf)).toEqual(["everybody's"]);
    const keys = new DatabaseSync(path, { readOnly: true });
    expect(keys.prepare("SELECT count(*) AS count FROM keys").get()).toEqual({ count: 1 });
    keys.close();
  }));

it.each([
  ["a host", { of: { host: "WWW.example.com" }, url: undefined }, []],
  ["a URL", { of: { partition: PARTITION }, url: "/news" }, ["kept"]],
  [
    "a version",
    { partition: PARTITION, fingerprints: [storedVersion(secretPage()).fingerprint], places: [] },
    ["kept"],
  ],
  ["a session", { partition: PARTITION, session: SESSION }, ["kept"]],
] as const)("erases %s so that none of its bytes is left in the file", (_, what, left) =>
  withFile((file, path) => {
    const clear = secretPage();
    // Not sealed, so that its bytes could be found.
    file.put([storedVersion(clear, { scopeKey: SESSION }, { retention: "keep" })], NOW);
    file.put([storedVersion("kept", { url: "/kept", templates: [] })], NOW);
    const sample = clear.toString("latin1", 500, 600);
    expect(bytesIn(path)).toContain(sample);
    file.forget(what);
    expect(bytesIn(path)).not.toContain(sample);
    expect(file.listed(PARTITION, [{ scopeKey: "public", key: "/kept" }]).map(textOf)).toEqual(left);
    expect(file.listed(PARTITION, [OWN])).toEqual([]);
  }),
);

/** The same bytes each time, and none that compress. */
function secretPage(): Buffer {
  let state = 7;
  return Buffer.from(
    Array.from({ length: 2_000 }, () => {
      state = (state * 1_103_515_245 + 12_345) % 2 ** 31;
      return state >> 16;
    }),
  );
}

it("seals a body anew that is a session's from now on", () =>
  withFile((file) => {
    file.put([storedVersion("page")], NOW);
    file.put([storedVersion("page", { scopeKey: SESSION })], NOW);
    expect(file.listed(PARTITION, [PUBLIC])).toEqual([]);
    expect(file.listed(PARTITION, [OWN])).toMatchObject([{ retention: "session" }]);
    expect(file.count).toBe(1);
  }));

it("gives nothing that is not what its fingerprint says, and erases it", () =>
  withFile((file, path) => {
    file.put([storedVersion("page ".repeat(100)), storedVersion("other", { url: "/other" })], NOW);
    const writer = new DatabaseSync(path);
    writer.exec(
      "UPDATE versions SET body = (SELECT body FROM versions ORDER BY id DESC LIMIT 1) WHERE id = 1",
    );
    writer.close();
    expect(file.listed(PARTITION, [PUBLIC])).toEqual([]);
    expect(file.count).toBe(1);
  }));

const placeWith = (other: string) =>
  `UPDATE places SET about = CAST(replace(CAST(about AS TEXT), ${other}) AS BLOB)`;

it.each([
  ["whose place has lost a name", placeWith("'templates', 'templatet'")],
  ["whose place is another value", "UPDATE places SET about = CAST('null' AS BLOB)"],
  ["whose place names numbers", placeWith("'[', '[1,'")],
])("a version %s is not given, and erased, whoever asks", (_, damage) =>
  withFile((file, path) => {
    const version = storedVersion("page");
    const asks = [
      () => file.listed(PARTITION, [PUBLIC], PEER),
      () => file.nominated(PARTITION, [shortOf(version.fingerprint)]),
    ];
    for (const ask of asks) {
      file.put([version], NOW);
      expect(ask()).toHaveLength(1);
      const writer = new DatabaseSync(path);
      writer.exec(damage);
      writer.close();
      expect(ask()).toEqual([]);
      expect(file.count).toBe(0);
    }
  }),
);

it("a version whose stores are damaged is of none, until they are told again", () =>
  withFile((file, path) => {
    file.put([storedVersion("page")], NOW);
    const writer = new DatabaseSync(path);
    writer.exec("UPDATE versions SET stores = 7");
    writer.close();
    expect(file.listed(PARTITION, [PUBLIC], PEER)).toEqual([]);
    file.put([storedVersion("page")], NOW);
    expect(file.listed(PARTITION, [PUBLIC], PEER)).toHaveLength(1);
  }));

it("gives nothing from a list that it was moved to", () =>
  withFile((file, path) => {
    file.put([storedVersion("mine", { scopeKey: SESSION }), storedVersion("all", { url: "/all" })], NOW);
    const writer = new DatabaseSync(path);
    writer.exec("UPDATE lists SET place = 1 WHERE place = 2");
    writer.close();
    expect(file.listed(PARTITION, [{ scopeKey: "public", key: "/all" }])).toEqual([]);
  }));

it.each([
  [
    "whose beginning a power failure has left empty",
    (file: Buffer) => file.fill(0, 0, 8_192),
    "it was damaged",
  ],
  ["whose tables are cut", (file: Buffer) => file.fill(0xff, 100, file.length), "it was damaged"],
])("a file %s is made anew, with another store id", (_, damage, why) =>
  inFolder((folder) => {
    const options = { path: join(folder, "versions"), bytes: 2 ** 26, storeKey: undefined, sessionMs: HOUR };
    const file = new VersionFile(options);
    file.put([storedVersion("page")], NOW);
    file.close();
    writeFileSync(options.path, damage(readFileSync(options.path)));
    const next = new VersionFile(options);
    expect(next.madeAnew).toBe(why);
    expect(next.storeId).not.toBe(file.storeId);
    next.put([storedVersion("page")], NOW);
    expect(next.listed(PARTITION, [PUBLIC])).toHaveLength(1);
    next.close();
  }),
);

const othersDatabase = (path: string): void => {
  const theirs = new DatabaseSync(path);
  theirs.exec(
    "PRAGMA user_version = 7; CREATE TABLE store(id); CREATE TABLE orders(id); INSERT INTO orders VALUES (1)",
  );
  theirs.close();
};

it.each([
  ["a key", (path: string) => writeFileSync(path, `${"0123456789abcdef".repeat(4)}\n`)],
  ["a few bytes", (path: string) => writeFileSync(path, "x")],
  ["another program's database", othersDatabase],
])("%s in its place stays as it is, to the byte", (_, put) =>
  inFolder((folder) => {
    const options = { path: join(folder, "versions"), bytes: 2 ** 26, storeKey: undefined, sessionMs: HOUR };
    put(options.path);
    const before = readFileSync(options.path);
    expect(() => new VersionFile(options)).toThrow("it is no file of versions, and stays as it is");
    expect(readFileSync(options.path).equals(before)).toBe(true);
    expect(readdirSync(folder)).toEqual(["versions"]);
  }),
);

it("a pipe or a device in its place is not read", () => {
  const options = { path: "/dev/null", bytes: 2 ** 26, storeKey: undefined, sessionMs: HOUR };
  expect(() => new VersionFile(options)).toThrow("it is no file of versions, and stays as it is");
});

it("a file of another release is made anew", () =>
  withFile((file, path, again) => {
    const writer = new DatabaseSync(path);
    writer.exec("PRAGMA user_version = 99");
    writer.close();
    const { storeId } = file;
    const next = again();
    expect(next.madeAnew).toBe("it is of another release");
    expect(next.storeId).not.toBe(storeId);
  }));

it("is its owner's alone", () =>
  withFile((file, path) => {
    file.put([storedVersion("page")], NOW);
    for (const end of ["", "-wal"]) expect(statSync(`${path}${end}`).mode & 0o777).toBe(0o600);
  }));
