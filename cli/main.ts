import { env, exit, stderr, stdin, stdout } from "node:process";
import { fileURLToPath } from "node:url";
import { run } from "./program.ts";

// A reader that has seen enough (`| head`) is no fault.
stdout.on("error", (error: NodeJS.ErrnoException) => exit(error.code === "EPIPE" ? 0 : 70));

// Not `exit`, which would cut off what a pipe has not taken yet.
process.exitCode = await run(process.argv.slice(2), {
  input: stdin,
  output: stdout,
  errors: stderr,
  color: stdout.isTTY && stdout.hasColors(),
  token: env["KEYTURN_TOKEN"],
  tokenFile: fileURLToPath(new URL("../.keyturn/admin-token", import.meta.url)),
});
