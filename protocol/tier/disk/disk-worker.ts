/** The thread that reads and writes a file of versions, one question after the other, so that the event loop waits for no disk. */
import { parentPort, workerData } from "node:worker_threads";
import type { StoredVersion } from "../lower-tier.ts";
import type { Asked, DiskQuestion, Told } from "./disk-messages.ts";
import { eraseFile, identityOf, isDamage } from "./schema.ts";
import { VersionFile, type VersionFileOptions } from "./version-file.ts";

const options = workerData as VersionFileOptions;
const NONE: readonly StoredVersion[] = [];

const tell = (told: Told): void => {
  const versions = "versions" in told ? told.versions : NONE;
  parentPort?.postMessage(
    told,
    versions.map(({ body }) => body.buffer),
  );
};

/** What has the name of the file now is none of ours. */
class FileGone extends Error {}

/** What cannot be read is of no use at the next start either, and what cannot be forgotten must not be there then. */
const tellFailure = (id: number, error: unknown, mustGo = false): void => {
  const isGone = error instanceof FileGone;
  const damaged = mustGo || isGone || isDamage(error);
  if (damaged && !isGone) eraseFile(options.path);
  tell({ id, failed: error instanceof Error ? error.message : String(error), damaged });
};

/** Throws FileGone, with what it held of the disk given back, where the name is another file's or nobody's. */
const checkThere = (file: VersionFile, identity: string): void => {
  let now: string | undefined;
  try {
    now = identityOf(options.path);
  } catch {}
  if (now === identity) return;
  file.close();
  throw new FileGone("it was removed, or another file put in its place, while it was in use");
};

const answer = (file: VersionFile, identity: string, question: DiskQuestion): readonly StoredVersion[] => {
  switch (question.kind) {
    case "put":
      file.put(question.versions, question.now);
      return NONE;
    case "nominated":
      return file.nominated(question.partition, question.shorts);
    case "listed":
      return file.listed(question.partition, question.lists, question.peerStore);
    case "forget":
      file.forget(question.what);
      return NONE;
    case "expire":
      checkThere(file, identity);
      file.expire(question.now);
      return NONE;
    case "close":
      file.close();
      parentPort?.close();
      return NONE;
  }
};

try {
  const file = new VersionFile(options);
  const { storeId, madeAnew } = file;
  const identity = identityOf(options.path);
  parentPort?.on("message", ({ id, question }: Asked) => {
    try {
      tell({ id, versions: answer(file, identity, question) });
    } catch (error) {
      tellFailure(id, error, question.kind === "forget");
    }
  });
  tell({ id: 0, versions: NONE, opened: { storeId, madeAnew } });
} catch (error) {
  tellFailure(0, error);
}
