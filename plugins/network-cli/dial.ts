import type { Call, Device, Login } from "../plugin.ts";
import { connect as connectShell } from "../secure-shell/connection.ts";
import { LoginDialogue } from "../secure-shell/login.ts";
import { connect as connectTelnet } from "../virtual-terminal/connection.ts";
import { dialOf } from "../virtual-terminal/dial.ts";
import { loggedIn } from "../virtual-terminal/script-session.ts";
import type { Line } from "./session.ts";
import { settingsOf } from "./settings.ts";

/**
 * Connects and logs in, over SSH or Telnet.
 * @throws PluginFailure with a `target.*` or `auth.*` code
 */
export async function dial(device: Device, login: Login, call: Call): Promise<Line> {
  if (settingsOf(device).transport === "telnet") {
    const connection = await connectTelnet(device, call);
    const asked = await loggedIn(connection, { device, login, call }, dialOf(device));
    return { terminal: connection.terminal(), asked, ...endsOf(connection) };
  }
  const dialogue = new LoginDialogue(login, call);
  const connection = await connectShell(device, call, dialogue);
  try {
    const terminal = await connection.shell(call);
    return { terminal, asked: dialogue.passwordSent, ...endsOf(connection) };
  } catch (error) {
    connection.destroy();
    throw error;
  }
}

function endsOf(connection: Omit<Line, "terminal" | "asked">): Omit<Line, "terminal" | "asked"> {
  return {
    isOpen: () => connection.isOpen(),
    close: () => connection.close(),
    destroy: () => connection.destroy(),
  };
}
