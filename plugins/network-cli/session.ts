import { type Call, type Change, type Login, PluginFailure, type Session } from "../plugin.ts";
import type { Terminal } from "../terminal/terminal.ts";
import { CommandLine } from "./command-line.ts";
import { configure } from "./configure.ts";
import { enable } from "./enable.ts";
import { isLegal, isLegalUsername } from "./legal.ts";
import type { NetworkSettings } from "./settings.ts";

/** A logged-in line to a device, however it was reached. */
export interface Line {
  readonly terminal: Terminal;
  /** Whether the device asked for the password. */
  readonly asked: boolean;
  isOpen(): boolean;
  close(): Promise<void>;
  destroy(): void;
}

export interface Dialled {
  readonly line: Line;
  readonly login: Login;
  readonly settings: NetworkSettings;
}

/** A session for one change: a command line is left where the change ended. */
export function createSession({ line, login, settings }: Dialled): Session {
  let used = false;
  return {
    async apply(change, call, pointOfNoReturn) {
      if (used) throw new PluginFailure("target.connection-lost", "the session was used before");
      used = true;
      const commands = openCommandLine({ line, login, settings }, call, change);
      try {
        refuseEarly(change, settings);
        await enable(commands, login, settings.enable);
        await configure({ commands, change, login, settings, call, pointOfNoReturn });
      } catch (error) {
        line.destroy();
        throw error;
      } finally {
        commands.end();
      }
    },
    reusable: () => !used && line.isOpen(),
    close: () => line.close(),
    destroy: () => line.destroy(),
  };
}

/** Talks on a line. */
export function openCommandLine({ line, login, settings }: Dialled, call: Call, change?: Change): CommandLine {
  const secrets = [login.password, ...(change ? [change.next] : []), ...(change?.current ? [change.current] : [])];
  // A terminal of SSH has line feeds for line ends; what Telnet wants is a setting.
  const newLine = settings.transport === "ssh" ? "unix" : settings.newLine;
  return new CommandLine(line.terminal, call, { secrets, newLine });
}

function refuseEarly({ account, next }: Change, { account: what, longestPassword }: NetworkSettings): void {
  if (!isLegal(next.reveal(), longestPassword)) {
    throw new PluginFailure("change.refused", "the password cannot stand in a line of configuration, or is too long");
  }
  if (what === "user" && !isLegalUsername(account.username)) {
    throw new PluginFailure("account.unknown", "the user name cannot stand in a line of configuration");
  }
}
