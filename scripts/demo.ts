/** `npm run demo`: `npm start` with systems to change passwords on, and the proof that it does. */
import { parseArgs } from "node:util";
import { closeTargets, runDemo } from "./demo/run.ts";
import { runUntilSignal } from "./supervisor/run.ts";
import { FLAGS, readPorts } from "./supervisor/settings.ts";

let isOnce = false;

await runUntilSignal(
  () => {
    const { values } = parseArgs({ options: { ...FLAGS, once: { type: "boolean" } } });
    isOnce = values.once ?? false;
    return { ports: readPorts(values, process.env), environment: process.env };
  },
  async (keyturn) => {
    const succeeded = await runDemo(keyturn);
    if (isOnce) return succeeded ? 0 : 1;
    console.log("It stays up, with its targets, until Ctrl-C.");
    return undefined;
  },
  closeTargets,
);
