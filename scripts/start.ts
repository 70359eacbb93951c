/** `npm start`: Keyturn on this machine, with everything it needs, until Ctrl-C. */
import { parseArgs } from "node:util";
import { runUntilSignal } from "./supervisor/run.ts";
import { FLAGS, readPorts } from "./supervisor/settings.ts";

await runUntilSignal(() => {
  const { values } = parseArgs({ options: FLAGS });
  return { ports: readPorts(values, process.env), environment: process.env };
});
