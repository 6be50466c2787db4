/** `npm run demo`: the same as `coilgun-bench demo`. */
import { demoCommand } from "./demo-run/demo-command.ts";

await demoCommand().parseAsync();
