import { PluginFailure, type Call, type Change, type Login, type Session } from "../plugin.ts";
import { changeOtherPassword } from "./chpasswd.ts";
import type { Connection } from "../secure-shell/connection.ts";
import { isLegalUsername } from "../secure-shell/username.ts";
import { isTypeable } from "./legal.ts";
import { changeOwnPassword } from "./passwd.ts";

/** The session of an account that logged in over `connection`. */
export function createSession(connection: Connection, login: Login): Session {
  let failed = false;
  return {
    async apply(change, call, pointOfNoReturn) {
      try {
        await apply({
          connection,
          login,
          change,
          call,
          async pointOfNoReturn() {
            await pointOfNoReturn();
            // The answer may come too late: then nothing may be sent any more.
            if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
          },
        });
      } catch (error) {
        // A command may still wait for input: no other change may meet it.
        failed = true;
        connection.destroy();
        throw error;
      }
    },
    reusable: () => !failed && connection.isOpen(),
    close: () => connection.close(),
    destroy: () => connection.destroy(),
  };
}

interface Application {
  readonly connection: Connection;
  readonly login: Login;
  readonly change: Change;
  readonly call: Call;
  readonly pointOfNoReturn: () => Promise<void>;
}

async function apply({ connection, login, change, call, pointOfNoReturn }: Application): Promise<void> {
  const { account, next } = change;
  if (!isTypeable(next.reveal())) {
    throw new PluginFailure("change.refused", "the password holds a control character", { refused: true });
  }
  if (change.own) {
    const current = change.current ?? login.password;
    await changeOwnPassword(connection, { current, next, call, pointOfNoReturn });
    return;
  }
  if (!isLegalUsername(account.username)) {
    throw new PluginFailure("account.unknown", "the user name cannot be one of a Linux system");
  }
  const { username } = account;
  await changeOtherPassword(connection, { username, next, sudoPassword: login.password, call, pointOfNoReturn });
}
