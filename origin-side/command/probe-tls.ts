/** Whether the web server of a route with `http://` speaks TLS: nginx answers plain HTTP there with 400, others hang up. */
import { connect } from "node:tls";
import type { HostPort } from "../../protocol/config/units.ts";
import type { Clock } from "../../protocol/runtime/clock.ts";

/** A handshake, and nothing behind it; whose certificate it is does not matter. False too where nothing comes of it for `withinMs`. */
export const speaksTls = async (
  { host, port }: HostPort,
  { clock, withinMs }: { readonly clock: Clock; readonly withinMs: number },
): Promise<boolean> => {
  const { promise, resolve } = Promise.withResolvers<boolean>();
  const socket = connect({ host, port, rejectUnauthorized: false }, () => resolve(true));
  socket.once("error", () => resolve(false)).once("close", () => resolve(false));
  const isLate = clock.after(withinMs, () => resolve(false));
  const does = await promise;
  isLate.cancel();
  socket.destroy();
  return does;
};
