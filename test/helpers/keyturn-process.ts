/** `npm start` with a state folder and ports of a test's own, both from argv: node keyturn-process.ts STATE PORTS. */
import { runUntilSignal } from "../../scripts/supervisor/run.ts";
import type { Ports } from "../../scripts/supervisor/settings.ts";

const [state = "", ports = ""] = process.argv.slice(2);
await runUntilSignal(() => ({ state, ports: JSON.parse(ports) as Ports, environment: {} }));
