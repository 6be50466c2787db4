/**
 * What a reload cannot take over: the settings in which two configurations differ, by the names that a config file gives them, each with
 * its old and its new value. Of a secret is said that it is another one, of a file its path.
 */
import { NamedFile } from "./schema.ts";
import { type HostPort, printHostPort, printSize, printTime } from "./units.ts";

/** Settings as `times.heartbeat: 10s -> 5s`. `live` names those that a reload takes over, `[]` behind lists, with all below them. */
export const needRestart = (running: object, next: object, live: readonly string[]): readonly string[] => [
  ...differences(running, next, { path: "", shown: "" }, new Set(live)),
];

interface Place {
  /** In the configuration as it was read, with `[]` for each place in a list. */
  readonly path: string;
  /** In the file. */
  readonly shown: string;
  /** Within a block that has no name in the file, and is on one side alone: what it holds is what came or went. */
  readonly came?: true;
}

function* differences(a: unknown, b: unknown, at: Place, live: ReadonlySet<string>): Generator<string> {
  if (live.has(at.path)) return;
  const [blockA, blockB] = [blockAt(a, at), blockAt(b, at)];
  if (blockA !== undefined && blockB !== undefined) {
    const inList = Array.isArray(a ?? b);
    for (const name of new Set([...Object.keys(blockA), ...Object.keys(blockB)]))
      yield* differences(blockA[name], blockB[name], below(at, name, inList), live);
    return;
  }
  const [before, after] = [print(a, at.path), print(b, at.path)];
  if (before !== after) yield `${at.shown}: ${before} -> ${after}`;
  else if (a instanceof NamedFile && b instanceof NamedFile && !a.bytes.equals(b.bytes))
    yield `${at.shown}: another content of ${before}`;
  else if (isConcealed(a) && isConcealed(b) && !Buffer.from(a.reveal()).equals(Buffer.from(b.reveal())))
    yield `${at.shown}: another ${typeof a.reveal() === "string" ? "user or password" : "key"}`;
}

/** What shows itself without the secret in it. */
interface Concealed {
  reveal(): string | Uint8Array;
}

const isConcealed = (value: unknown): value is Concealed =>
  typeof value === "object" && value !== null && "reveal" in value && typeof value.reveal === "function";

const isBlock = (value: unknown): value is Block =>
  typeof value === "object" &&
  value !== null &&
  !(value instanceof NamedFile || isConcealed(value)) &&
  !isHostPort(value);

type Block = Readonly<Record<string, unknown>>;

/** `value` as a block; an empty one for what is not there and has no name of its own that could be told. */
const blockAt = (value: unknown, at: Place): Block | undefined => {
  if (value === undefined && at.came) return {};
  return isBlock(value) ? value : undefined;
};

const isHostPort = (value: object): value is HostPort => "host" in value && "port" in value;

/** Names that are written otherwise than without their unit; an empty one is no block in the file. */
const WRITTEN: Readonly<Record<string, string>> = {
  sizeBytes: "size",
  fileSizeBytes: "fileSize",
  sessionMs: "sessionTime",
  noStoreMs: "noStoreTime",
  budgetBytes: "budget",
  perKeyBytes: "perKey",
  tls: "",
  shown: "",
};

const below = ({ path, shown, came }: Place, name: string, inList: boolean): Place => {
  if (inList) return { path: `${path}[]`, shown: `${shown}[${name}]`, ...(came && { came }) };
  const written = WRITTEN[name] ?? name.replace(/Ms$/, "");
  const join = (base: string, step: string) => [base, step].filter((each) => each !== "").join(".");
  const place = { path: join(path, name), shown: join(shown, written) };
  return came || written === "" ? { ...place, came: true } : place;
};

const print = (value: unknown, path: string): string => {
  if (value === undefined) return "none";
  if (typeof value === "boolean" && path.endsWith(".compress")) return value ? "on" : "off";
  if (value instanceof NamedFile) return value.path;
  if (isConcealed(value)) return String(value);
  if (typeof value === "object" && value !== null && isHostPort(value)) return printHostPort(value);
  if (typeof value === "number" && path.endsWith("Ms")) return printTime(value);
  if (typeof value === "number" && path.endsWith("Bytes")) return printSize(value);
  return typeof value === "string" ? value : (JSON.stringify(value) ?? String(value));
};

/** Whether two parts of configurations say the same, contents of named files and secrets included. */
export const saysTheSame = (a: object, b: object): boolean => needRestart(a, b, []).length === 0;
