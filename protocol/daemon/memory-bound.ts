/**
 * The memory that a daemon stays below, as a sum of what its settings bound and of what each link, each connection of a visitor and each
 * request under way may hold beside that. docs/operations.md states it, `check` prints it, and a test drives every buffer against it. SPEC
 * section "Memory" says what the parts are.
 */
import { totalmem } from "node:os";
import { type Finding, ok, warning } from "./findings.ts";

const KIB = 2 ** 10;
const MIB = 2 ** 20;

/** Node.js with code and garbage not collected yet, and the compressors that are bounded in number. */
const PROGRAM_BYTES = 640 * MIB;
/** The thread of a file of versions, its cache, what waits to be written and what is read back. */
const FILE_BYTES = 128 * MIB;
/** Messages both ways, header tables, offers, 10,000 control frames, and the tags and URLs kept for its key. */
const LINK_BYTES = 8 * MIB;
/** At the origin side also 32 decoders of requests. */
const REQUEST_DECODERS_BYTES = 32 * MIB;
/** Requests that wait on connections of visitors, all together. */
const PIPELINED_BYTES = 64 * MIB;
/** What one read of a socket brings, what waits to be written, TLS, and what node keeps of a connection. */
const CONNECTION_BYTES = 256 * KIB;
/** First windows both ways, of buffers that are at least half used, bodies queued both ways, and the objects around them. */
const REQUEST_BYTES = 512 * KIB;

export interface BoundedSettings {
  readonly store: { readonly sizeBytes: number; readonly file?: string | undefined };
  readonly memory: { readonly budgetBytes: number };
  readonly limits: { readonly headBytes: number };
}

/** In bytes: what does not depend on who is there, and what each of those who are may add. */
export interface MemoryTerms {
  readonly fixed: number;
  readonly link: number;
  /** Of a visitor; none at the origin side. */
  readonly connection: number;
  readonly request: number;
}

const request = ({ limits }: BoundedSettings): number => REQUEST_BYTES + 2 * limits.headBytes;
const fixed = ({ store, memory }: BoundedSettings): number =>
  PROGRAM_BYTES + store.sizeBytes + memory.budgetBytes + (store.file === undefined ? 0 : FILE_BYTES);

export const edgeMemory = (settings: BoundedSettings): MemoryTerms => ({
  fixed: fixed(settings) + PIPELINED_BYTES,
  link: LINK_BYTES,
  connection: CONNECTION_BYTES + settings.limits.headBytes,
  request: request(settings),
});

export const originMemory = (settings: BoundedSettings): MemoryTerms => ({
  fixed: fixed(settings),
  link: LINK_BYTES + REQUEST_DECODERS_BYTES,
  connection: 0,
  request: request(settings),
});

/** What there is at the same time. */
export interface Present {
  readonly links: number;
  readonly connections: number;
  readonly requests: number;
}

/** Bytes that the daemon stays below with so much of each. */
export const memoryBound = (terms: MemoryTerms, { links, connections, requests }: Present): number =>
  terms.fixed + links * terms.link + connections * terms.connection + requests * terms.request;

/** What this process may use: the machine's memory, or less where its cgroup (a container, a unit with MemoryMax) has less. */
const machineBytes = (): number => {
  const constrained = process.constrainedMemory();
  // 0, or more than there is: no bound.
  return constrained > 0 ? Math.min(totalmem(), constrained) : totalmem();
};

/** What the settings may take, and a warning where that is more than there is. */
export const checkMemory = (terms: MemoryTerms, mostBytes = machineBytes()): readonly Finding[] => {
  const over = terms.fixed - mostBytes;
  if (over <= 0) return [ok(printMemory(terms))];
  return [
    warning(
      `${printMemory(terms)}, and this machine, container or unit has ${Math.floor(mostBytes / MIB)} MiB`,
      `lower store.size and memory.budget by ${Math.ceil(over / MIB)} MiB together, or give it more memory`,
    ),
  ];
};

/** As `check` says it. */
const printMemory = ({ fixed, link, connection, request }: MemoryTerms): string => {
  const each = [
    `${kibibytes(link)} a link`,
    ...(connection > 0 ? [`${kibibytes(connection)} a visitor's connection`] : []),
    `${kibibytes(request)} a request under way`,
  ];
  return `memory: at most ${Math.ceil(fixed / MIB)} MiB and ${each.join(", ")}`;
};

const kibibytes = (bytes: number): string =>
  bytes % MIB === 0 ? `${bytes / MIB} MiB` : `${Math.ceil(bytes / KIB)} KiB`;
