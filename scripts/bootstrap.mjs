// The first thing each npm script runs: node scripts/bootstrap.mjs SCRIPT.ts [arguments]. Plain JavaScript without
// packages, so that Node 20 can read it: installs what the lockfile says when it changed, then hands over to Node 24.
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { constants } from "node:os";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamp = join(root, "node_modules", ".keyturn-installed");

// The terminal sends Ctrl-C to the whole group: the child decides what it means, and we wait for it.
process.on("SIGINT", () => {});

const wanted = createHash("sha256")
  .update(readFileSync(join(root, "package-lock.json")))
  .update(`${process.platform} ${process.arch}`)
  .digest("hex");
if (!existsSync(stamp) || readFileSync(stamp, "utf8") !== wanted) await install();

const node = pickNode();
const hook = join(root, "scripts", "fast-imports.mjs");
const path = [dirname(node), join(root, "node_modules", ".bin"), process.env.PATH].join(delimiter);
const env = { ...process.env, PATH: path, NODE_COMPILE_CACHE: join(root, ".keyturn", "compile-cache") };
process.exitCode = await run(node, ["--import", hook, ...process.argv.slice(2)], env);

async function install() {
  const started = Date.now();
  process.stderr.write("Installing the packages of package-lock.json …\n");
  const ticker = setInterval(() => {
    process.stderr.write(`  still installing: ${Math.round((Date.now() - started) / 1000)} s\n`);
  }, 10_000);
  // Without their install scripts, which all are refused: what they would do our own code does.
  const given = ["ci", "--ignore-scripts", "--loglevel=error", "--no-audit", "--no-fund"];
  const npm = process.env.npm_execpath;
  const code = npm ? await run(process.execPath, [npm, ...given]) : await run("npm", given);
  clearInterval(ticker);
  if (code !== 0) {
    rmSync(stamp, { force: true });
    process.stderr.write("The packages could not be installed; npm says above why.\n");
    process.exit(code);
  }
  writeFileSync(stamp, wanted);
}

/** The Node that the checkout carries, else this one when it is new enough. */
function pickNode() {
  const carried = join(root, "node_modules", `node-${process.platform}-${process.arch}`, "bin", "node");
  if (existsSync(carried)) return carried;
  if (Number(process.versions.node.split(".")[0]) >= 24) return process.execPath;
  process.stderr.write(
    `Keyturn needs Node 24 or newer on ${process.platform} ${process.arch}; this is ${process.version}.\n`,
  );
  process.exit(69);
}

/** npm passes SIGTERM only to the shell between it and us, which then ends without a word: its end is our signal. */
function endWithNpm(child) {
  if (!process.env.npm_lifecycle_event) return;
  const parent = process.ppid;
  const watch = setInterval(() => {
    if (process.ppid === parent) return;
    clearInterval(watch);
    child.kill("SIGTERM");
  }, 250);
  child.once("exit", () => clearInterval(watch));
}

function run(command, args, env = process.env) {
  return new Promise((resolve) => {
    const child = spawn(command, args, { cwd: root, env, stdio: "inherit" });
    for (const signal of ["SIGTERM", "SIGHUP"]) process.on(signal, () => child.kill(signal));
    endWithNpm(child);
    child.once("error", (error) => {
      process.stderr.write(`${command} could not be started: ${error.message}\n`);
      resolve(69);
    });
    child.once("exit", (code, signal) => resolve(code ?? 128 + (constants.signals[signal] ?? 1)));
  });
}
