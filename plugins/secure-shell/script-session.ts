/** A session whose changes are what a template types into the account's shell. */
import { Secret } from "../../contracts/secret.ts";
import type { BoundScript } from "../../templates/language/script.ts";
import { Dialogue } from "../terminal/dialogue.ts";
import { KnownPrompts } from "../terminal/known-prompts.ts";
import { rehearseScript, runScript } from "../terminal/run-script.ts";
import { settingOf } from "../terminal/values.ts";
import { PluginFailure, type Call, type Device, type Login, type ScriptSession } from "../plugin.ts";
import { connect, type Connection } from "./connection.ts";
import { LoginDialogue } from "./login.ts";

/**
 * Connects and logs in.
 * @param script what the session is for: it may say how long to wait for the connection
 * @throws PluginFailure with a `target.*` or `auth.*` code
 */
export async function openScriptSession(
  device: Device,
  login: Login,
  { call, script }: { readonly call: Call; readonly script: BoundScript | undefined },
): Promise<ScriptSession> {
  const seconds = settingOf(script, "set-connect-timeout");
  const patient = seconds === undefined ? call : { ...call, connectTimeoutMs: seconds * 1000 };
  return createSession(await connect(device, patient, new LoginDialogue(login, call)), login);
}

function createSession(connection: Connection, login: Login): ScriptSession {
  const prompts = new KnownPrompts();
  let failed = false;
  let used = false;

  /** Each script has a shell of its own: what one leaves behind, a changed prompt or directory, meets no other. */
  async function inShell<T>(call: Call, script: BoundScript, talk: (dialogue: Dialogue) => Promise<T>): Promise<T> {
    try {
      const shell = await connection.shell(call).catch((error: unknown) => {
        throw used ? onceOnly(error) : error;
      });
      used = true;
      const result = await talk(new Dialogue(shell, call, [login.password, ...secretsOf(script)], prompts));
      shell.end();
      return result;
    } catch (error) {
      // The shell may stand in the middle of a dialogue: nothing more may meet it.
      failed = true;
      connection.destroy();
      throw error;
    }
  }

  return {
    async apply({ script }, call, pointOfNoReturn) {
      if (script === undefined) throw new PluginFailure("credential.no-template");
      await inShell(call, script, (dialogue) =>
        runScript({ dialogue, script, pointOfNoReturn, crossing: "new-password" }),
      );
    },
    run: (script, call, pointOfNoReturn) =>
      inShell(call, script, (dialogue) => runScript({ dialogue, script, pointOfNoReturn, crossing: "sent" })),
    rehearse: (script, call) => inShell(call, script, (dialogue) => rehearseScript(dialogue, script)),
    reusable: () => !failed && connection.isOpen(),
    close: () => connection.close(),
    destroy: () => connection.destroy(),
  };
}

/** Some devices give one shell to a connection: the caller opens a fresh one for what it finds lost. */
function onceOnly(error: unknown): unknown {
  return error instanceof PluginFailure && error.code !== "target.timeout"
    ? new PluginFailure("target.connection-lost", error.message, { cause: error })
    : error;
}

function secretsOf({ values }: BoundScript): Secret[] {
  return Object.values(values).filter((value) => value instanceof Secret);
}
