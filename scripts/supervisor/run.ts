import { existsSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { STATE } from "../engine/instance.ts";
import { endOwnChildren } from "../engine/processes.ts";
import { startKeyturn, type Keyturn, type KeyturnOptions } from "./keyturn.ts";
import { messageOf } from "./service.ts";

const SIGNALS = ["SIGINT", "SIGTERM", "SIGHUP"] as const;

/**
 * Starts Keyturn, prints how to reach it, and stops it in order at Ctrl-C or SIGTERM. A second Ctrl-C does not wait
 * for changes under way.
 * @param read reads the options; what it throws is told like any error of the start
 * @param then runs while it is up; when it returns a number Keyturn is stopped, and that is the exit code
 * @param close ends what `then` has started; called however it comes to the end
 */
export async function runUntilSignal(
  read: () => Omit<KeyturnOptions, "say">,
  then?: (keyturn: Keyturn) => Promise<number | undefined>,
  close: () => Promise<void> = async () => {},
): Promise<void> {
  const started = Date.now();
  const say = (line: string) => console.log(`${((Date.now() - started) / 1000).toFixed(1).padStart(6)} s  ${line}`);
  let ask: () => void = () => {};
  const asked = new Promise<void>((resolve) => (ask = resolve));
  let keyturn: Keyturn | undefined;
  let signals = 0;
  for (const signal of SIGNALS)
    process.on(signal, () => {
      signals += 1;
      if (signals === 2) keyturn?.hurry();
      ask();
    });
  try {
    const options = read();
    const starting = startKeyturn({ ...options, say });
    keyturn = await Promise.race([starting, asked.then(() => undefined)]);
    if (!keyturn) {
      say("Stopping before the start has come to its end");
      process.exit(await breakOff(starting, options.state));
    }
    say("Ready");
    console.log(howToReach(keyturn));
    const code = await Promise.race([asked, keepUp(keyturn, then)]);
    say("Stopping: API, worker, Temporal, database. Changes under way may finish; Ctrl-C again does not wait");
    await keyturn.stop();
    await close();
    say("Stopped");
    process.exit(code ?? 0);
  } catch (error) {
    await keyturn?.stop();
    await close();
    console.error(messageOf(error));
    process.exit(1);
  }
}

/** Ends what a start under way has started, as long as it starts more. Returns the exit code. */
async function breakOff(starting: Promise<Keyturn>, state: string = STATE): Promise<number> {
  const settled = starting.then(
    (keyturn) => keyturn.stop(),
    () => {},
  );
  let isSettled = false;
  void settled.finally(() => (isSettled = true));
  // What only waits, as for a build of Temporal, is ended by the exit of this process.
  for (const end = Date.now() + 10_000; !isSettled && Date.now() < end;) {
    await endOwnChildren(state);
    await sleep(200);
  }
  return 130;
}

/** Settles only when `then` wants an end. */
async function keepUp(keyturn: Keyturn, then?: (keyturn: Keyturn) => Promise<number | undefined>) {
  const code = await then?.(keyturn);
  return code ?? (await new Promise<never>(() => {}));
}

function howToReach(keyturn: Keyturn): string {
  const lines = [
    ["API", keyturn.url],
    ["API reference", keyturn.docsUrl],
    ...(keyturn.temporalUiUrl ? [["Temporal UI", keyturn.temporalUiUrl]] : []),
    ["Sign in", `Authorization: Bearer ${tokenFor(keyturn)}`],
    ["Command line", "npx keyturn --help"],
    ["Logs", `${keyturn.instance.state}/logs`],
  ];
  return ["", ...lines.map(([name = "", value]) => `  ${name.padEnd(14)} ${value}`), ""].join("\n");
}

/** The token itself once, and only on a terminal: what is not one may be kept and read by others. */
function tokenFor({ adminTokenFile, isTokenNew }: Keyturn): string {
  const isShown = isTokenNew && process.stdout.isTTY && existsSync(adminTokenFile);
  if (!isShown) return `(the administrator's token in ${adminTokenFile})`;
  return `${readFileSync(adminTokenFile, "utf8").trim()} (shown once, kept in ${adminTokenFile})`;
}
