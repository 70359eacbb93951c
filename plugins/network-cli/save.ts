import { type Call, type Device, type Login, PluginFailure } from "../plugin.ts";
import { writeMemory } from "./configure.ts";
import { dial } from "./dial.ts";
import { enable } from "./enable.ts";
import { openCommandLine } from "./session.ts";
import { settingsOf } from "./settings.ts";

/**
 * Writes the running configuration of a device whose change broke off before that.
 * @throws PluginFailure `change.not-persistent` when it was not written; `target.*`, `auth.*`
 */
export async function save(device: Device, login: Login, call: Call): Promise<void> {
  const settings = settingsOf(device);
  const line = await dial(device, login, call);
  const commands = openCommandLine({ line, login, settings }, call);
  try {
    await enable(commands, login, settings.enable);
    const reason = await writeMemory(commands);
    if (reason !== undefined)
      throw new PluginFailure("change.not-persistent", `${reason}; the password is in the running configuration only`);
    call.transcript("the running configuration is saved");
  } finally {
    commands.end();
    line.destroy();
  }
}
