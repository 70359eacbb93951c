#!/usr/bin/env node
// Plain JavaScript, so that any Node can read it: hands over to the Node 24 that the checkout carries when it must.
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

const MAJOR = Number(process.versions.node.split(".")[0]);

if (MAJOR >= 24) {
  await import("./main.ts");
} else {
  const carried = fileURLToPath(new URL(`../node_modules/node-linux-${process.arch}/bin/node`, import.meta.url));
  if (!existsSync(carried)) {
    process.stderr.write(
      `keyturn needs Node 24 or newer; this is ${process.version}. Run "npm ci" in the checkout first.\n`,
    );
    process.exit(69);
  }
  const child = spawn(carried, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], { stdio: "inherit" });
  // The terminal sends Ctrl-C to both; the child decides what it means.
  process.on("SIGINT", () => {});
  process.on("SIGTERM", () => child.kill("SIGTERM"));
  child.on("exit", (code, signal) => process.exit(code ?? 128 + (constants.signals[signal] ?? 1)));
}
