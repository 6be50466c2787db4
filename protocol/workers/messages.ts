/**
 * What a daemon and its workers say to each other over the channel between their processes. Both are of one program, started
 * together: the words may change with any version, and nobody else hears them.
 */

import type { ConfigCopy } from "../config/config-snapshot.ts";
import { codeOf } from "../runtime/user-error.ts";

export type ToWorker =
  | { readonly to: "start"; readonly copy: ConfigCopy; readonly place: WorkerPlace }
  | { readonly to: "reload"; readonly ticket: number; readonly copy: ConfigCopy }
  /** A question of the daemon's own kind, such as what to forget. */
  | { readonly to: "answer"; readonly ticket: number; readonly about: unknown }
  /** A socket comes with it, for the worker to serve. */
  | { readonly to: "serve"; readonly door: number }
  | { readonly to: "stop" };

export type FromWorker =
  | { readonly from: "ready" }
  | { readonly from: "failed"; readonly why: Failure }
  | { readonly from: "done"; readonly ticket: number; readonly answer: unknown }
  | { readonly from: "undone"; readonly ticket: number; readonly why: Failure }
  /** News of the daemon's own kind. */
  | { readonly from: "news"; readonly news: unknown };

export interface WorkerPlace {
  /** From 1. */
  readonly number: number;
  /** How many there are. */
  readonly of: number;
}

/** An error, as far as it crosses. */
export interface Failure {
  readonly message: string;
  readonly code: string;
  readonly stack: string | undefined;
}

export const failureOf = (error: unknown): Failure => ({
  message: error instanceof Error ? error.message : String(error),
  code: codeOf(error),
  stack: error instanceof Error ? error.stack : undefined,
});

/** What `codeOf` says of it is what it said of the error where that was thrown. */
export const errorOf = ({ message, code, stack }: Failure): Error =>
  Object.assign(new Error(message), { code, ...(stack !== undefined && { stack }) });

const isObject = (value: unknown): value is object => typeof value === "object" && value !== null;

// A program that was loaded before ours may use the channel too, with messages of its own.
export const isToWorker = (message: unknown): message is ToWorker => isObject(message) && "to" in message;
export const isFromWorker = (message: unknown): message is FromWorker =>
  isObject(message) && "from" in message;
