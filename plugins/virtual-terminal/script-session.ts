/** A session in which a template types. */
import { Secret } from "../../contracts/secret.ts";
import type { CheckResult } from "../../contracts/messages.ts";
import type { BoundScript } from "../../templates/language/script.ts";
import { type Call, type Device, type Login, PluginFailure, type ScriptSession } from "../plugin.ts";
import { Dialogue } from "../terminal/dialogue.ts";
import { rehearseScript, runScript } from "../terminal/run-script.ts";
import { connect, type Connection } from "./connection.ts";
import type { Dial } from "./dial.ts";
import { logIn, PasswordRight } from "./login.ts";

/** What every verb here is given. */
export interface Opening {
  readonly device: Device;
  readonly login: Login;
  readonly call: Call;
}

/**
 * Connects and, unless the template does that, logs in.
 * @param dial how one logs in; undefined where the template does
 * @throws PluginFailure with a `target.*` or `auth.*` code
 */
export async function openSession(opening: Opening, dial: Dial | undefined): Promise<ScriptSession> {
  const connection = await connect(opening.device, opening.call);
  if (dial !== undefined) await loggedIn(connection, opening, dial);
  return createSession(connection, opening.login);
}

/** Says by one fresh log-in whether a password is right. `accepted` only if the device asked for it. */
export async function verifyLogin(opening: Opening, dial: Dial): Promise<CheckResult> {
  try {
    const connection = await connect(opening.device, opening.call);
    const asked = await loggedIn(connection, opening, dial);
    void connection.close();
    if (!asked) return { verdict: "unknown", code: "verify.no-password-asked" };
    return { verdict: "accepted", code: "verify.accepted" };
  } catch (error) {
    if (!(error instanceof PluginFailure)) throw error;
    if (error instanceof PasswordRight) {
      const code = error.code === "auth.expired" ? "verify.account-expired" : "verify.must-change";
      return { verdict: "accepted", code };
    }
    if (error.code === "auth.rejected") return { verdict: "rejected", code: "verify.rejected" };
    return { verdict: "unknown", code: error.code };
  }
}

/** Logs in. Whether the device asked for the password. The connection is cut when it fails. */
export async function loggedIn(connection: Connection, opening: Opening, dial: Dial): Promise<boolean> {
  const { login, call } = opening;
  const dialogue = new Dialogue(connection.terminal(), call, [login.password]);
  dialogue.newLine = dial.newLine;
  try {
    return await logIn({ dialogue, login, prompts: dial.prompts, silenceMs: call.readTimeoutMs });
  } catch (error) {
    connection.destroy();
    throw error;
  } finally {
    dialogue.end();
  }
}

function createSession(connection: Connection, login: Login): ScriptSession {
  let used = false;

  type Talk<T> = (dialogue: Dialogue, script: BoundScript) => Promise<T>;
  async function talk<T>(call: Call, script: BoundScript, run: Talk<T>): Promise<T> {
    if (used) throw new PluginFailure("target.connection-lost", "the session was used before");
    used = true;
    const secrets = Object.values(script.values).filter((value) => value instanceof Secret);
    try {
      const dialogue = new Dialogue(connection.terminal(), call, [login.password, ...secrets]);
      return await run(dialogue, script);
    } catch (error) {
      connection.destroy();
      throw error;
    }
  }

  return {
    async apply({ script }, call, pointOfNoReturn) {
      if (script === undefined) throw new PluginFailure("credential.no-template");
      await talk(call, script, (dialogue, bound) =>
        runScript({ dialogue, script: bound, pointOfNoReturn, crossing: "new-password" }),
      );
    },
    run: (script, call, pointOfNoReturn) =>
      talk(call, script, (dialogue, bound) =>
        runScript({ dialogue, script: bound, pointOfNoReturn, crossing: "sent" }),
      ),
    rehearse: (script, call) => talk(call, script, rehearseScript),
    // A template leaves the line wherever it ends, and there is one line to a connection.
    reusable: () => !used && connection.isOpen(),
    close: () => connection.close(),
    destroy: () => connection.destroy(),
  };
}
