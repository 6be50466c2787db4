/**
 * A clock that was wrong and is put back: what says that it was seen in the future was written before. It would stay newest, and what is
 * written since would be the first to give way, until that future is there. Times are milliseconds since 1970.
 */
import type { Statements } from "./statements.ts";

/** Clocks that are put right by no more are nobody's trouble. */
export const AHEAD_MS = 60_000;
const MICROS = 1_000;

/** Whether `seen`, in microseconds since 1970, is of before the clock was put back. */
export const isAhead = (seen: number, now: number): boolean => seen > (now + AHEAD_MS) * MICROS;

/** The place in the order of what is seen now, behind `last`: microseconds since 1970, or what comes next. */
export const nextSeen = (last: number, now: number): number => {
  const time = Math.round(now) * MICROS;
  return isAhead(last, now) ? time : Math.max(last + 1, time);
};

/** Erases what is a session's of such versions, since nobody can say when it ends, and takes the others for seen now. */
export const bringBack = (sql: Statements, now: number): void => {
  sql.run("DELETE FROM versions WHERE key IS NOT NULL AND used > ?", now + AHEAD_MS);
  const { changes } = sql.run("UPDATE versions SET used = ? WHERE used > ?", now, now + AHEAD_MS);
  if (changes > 0) sql.run("UPDATE lists SET seen = ?1 WHERE seen > ?1", Math.round(now) * MICROS);
};
