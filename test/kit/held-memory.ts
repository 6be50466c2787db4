/** What this whole process holds in buffers after garbage is gone: bodies are made of them, whoever holds them. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";

setFlagsFromString("--expose-gc");
const collectGarbage = runInNewContext("gc") as () => void;

export const heldBytes = (): number => {
  collectGarbage();
  collectGarbage(); // what the first one found is freed in the background; the second waits for that
  const { arrayBuffers, external } = process.memoryUsage();
  return Math.max(arrayBuffers, external);
};
