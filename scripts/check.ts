/** `npm run check`: everything that needs no server, side by side; prints what each complained about. */
import { spawn } from "node:child_process";
import { CHECKOUT } from "./engine/instance.ts";

const node = [process.execPath, "--import", "./scripts/fast-imports.mjs"];
const CHECKS: Record<string, string[]> = {
  format: ["oxfmt", "--check"],
  types: ["tsc", "-p", "."],
  lint: ["oxlint", "--type-aware", "--deny-warnings"],
  "dead code": ["knip"],
  lockfile: [...node, "scripts/lockfile.ts", "--check"],
  migrations: ["drizzle-kit", "check"],
  "unit tests": ["vitest", "run", "--project", "unit"],
};

const outcomes = await Promise.all(Object.entries(CHECKS).map(([name, command]) => check(name, command)));
process.exitCode = outcomes.every(Boolean) ? 0 : 1;

async function check(name: string, [program = "", ...args]: string[]): Promise<boolean> {
  const started = performance.now();
  const child = spawn(program, args, { cwd: CHECKOUT, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const code = await new Promise<number>((resolve) => {
    child.once("error", (error) => {
      output += error.message;
      resolve(1);
    });
    child.once("close", (status) => resolve(status ?? 1));
  });
  const seconds = ((performance.now() - started) / 1000).toFixed(1);
  console.log(`${code === 0 ? "ok    " : "FAILED"} ${name} (${seconds} s)`);
  if (code !== 0) console.log(output.trimEnd().replaceAll(/^/gm, "       "));
  return code === 0;
}
