import { type Login, PluginFailure } from "../plugin.ts";
import type { CommandLine } from "./command-line.ts";

/**
 * Goes to where configuration is allowed. A password that `enable` asks for is answered once.
 * @param asks whether `enable` may ask for the account's password
 * @throws PluginFailure `auth.not-permitted` when the device does not let it
 */
export async function enable(line: CommandLine, login: Login, asks: boolean): Promise<void> {
  const { waits } = await line.begin();
  if (waits === "privileged") return;
  if (waits !== "user") throw new PluginFailure("target.unexpected", line.excerpt());
  let answer = await line.ask("enable");
  if (answer.waits === "password") {
    if (!asks)
      throw new PluginFailure("auth.not-permitted", "enable asks for a password, and the setting says it does not");
    answer = await line.ask(login.password.reveal(), "the password");
    if (answer.waits === "password") throw new PluginFailure("auth.not-permitted", "enable did not take the password");
  }
  if (answer.waits === "privileged") return;
  throw new PluginFailure("auth.not-permitted", line.excerpt());
}
