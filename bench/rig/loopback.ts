/** Listening on a free loopback port. */
import type { Server } from "node:net";

/** Listens on a free port of 127.0.0.1; resolves with "127.0.0.1:port", rejects when that fails. */
export async function listenOnLoopback(server: Server): Promise<string> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", () => {
      server.off("error", reject);
      resolve();
    });
  });
  const bound = server.address();
  if (bound === null || typeof bound === "string")
    throw new Error("the server is not listening on a TCP port");
  return `127.0.0.1:${bound.port}`;
}
