/** How an exchange ends that went wrong. */
import type { Log } from "../../protocol/daemon/log.ts";
import { StreamError, type StreamErrorCode } from "../../protocol/errors.ts";
import type { IncomingExchange } from "../exchange/incoming-exchange.ts";

/** Tells the edge, and the log; a stack is worth its lines only where the fault is ours. */
export const failExchange = (error: unknown, exchange: IncomingExchange, log: Log): StreamErrorCode => {
  const failure =
    error instanceof StreamError ? error : new StreamError("internal", String(error), { cause: error });
  const { code, message: why } = failure;
  exchange.fail(code);
  const { host, request } = exchange;
  if (code === "internal") log.error("exchange failed", { host, target: request.target, error: failure });
  else if (code !== "cancelled" && code !== "link-lost")
    log.warn("exchange failed", { host, target: request.target, code, why });
  return code;
};
