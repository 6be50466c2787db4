/** `npm run demo`: the same as `coilgun-bench demo`. */
import { demoCommand } from "./demo-command.ts";

await demoCommand().parseAsync();
