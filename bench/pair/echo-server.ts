/** A program: says what it is told. What a link takes by itself is the time of such an echo. */
import { createServer } from "node:net";
import { listenOnLoopback } from "../rig/loopback.ts";
import { runProgram } from "./program.ts";

runProgram(() => listenOnLoopback(createServer({ noDelay: true }, (socket) => socket.pipe(socket))));
