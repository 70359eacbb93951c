import type { AnyAuthMethod } from "ssh2";
import type { CheckResult } from "../../contracts/messages.ts";
import { type Call, type Device, type Login, PluginFailure } from "../plugin.ts";
import { connect, type Connection } from "../secure-shell/connection.ts";
import { type Dialogue, type Handler, LoginDialogue } from "../secure-shell/login.ts";
import { excerpt, EXPIRED, plain } from "../terminal/text.ts";
import { publicHalf } from "./key.ts";

/** One SSH log-in by a private key: `none` to learn the methods, then the key, once, and nothing else. */
class KeyDialogue implements Dialogue {
  /** Whether the device was asked by the key. */
  keySent = false;
  /** Whether the device said, after it got the key, that the account has expired. */
  expired = false;
  readonly #login: Login;
  readonly #call: Call;
  #stopped: ((failure: PluginFailure) => void) | undefined;

  constructor(login: Login, call: Call) {
    this.#login = login;
    this.#call = call;
  }

  onStop(stopped: (failure: PluginFailure) => void): void {
    this.#stopped = stopped;
  }

  stop(failure: PluginFailure): void {
    this.#stopped?.(failure);
  }

  hear(text: string): void {
    const said = plain(text);
    this.#call.transcript(`< ${said.trim()}`);
    if (this.keySent && EXPIRED.test(said)) this.expired = true;
  }

  explain(error: unknown): unknown {
    if (!(error instanceof PluginFailure) || !this.keySent) return error;
    if (this.expired) return new PluginFailure("auth.expired", error.message, { cause: error });
    // With MaxAuthTries 1 sshd answers a wrong key by hanging up.
    if (/too many authentication failures/i.test(error.message))
      return new PluginFailure("auth.rejected", error.message, { cause: error });
    return error;
  }

  handler(): Handler {
    return (left, partial, next) => {
      const offered = left ?? [];
      if (left === null) next({ type: "none", username: this.#login.username });
      else if (partial === true) this.#end("target.needs-human", `a second step is demanded: ${offered.join(", ")}`);
      else if (this.keySent) this.#end("auth.rejected", "the device does not take the key");
      else if (offered.includes("publickey")) next(this.#key());
      else this.#end("auth.not-permitted", `no key is taken, only: ${offered.join(", ")}`);
    };
  }

  #key(): AnyAuthMethod {
    this.keySent = true;
    this.#call.transcript("> the key");
    return { type: "publickey", username: this.#login.username, key: this.#login.password.reveal() };
  }

  #end(code: PluginFailure["code"], detail: string): void {
    this.stop(new PluginFailure(code, excerpt(detail)));
  }
}

/**
 * Connects and logs in: by the key, or by the password of an account that has one and no key.
 * @throws PluginFailure
 */
export async function logIn(device: Device, login: Login, call: Call): Promise<Connection> {
  const isKey = publicHalf(login.password) !== undefined;
  return connect(device, call, isKey ? new KeyDialogue(login, call) : new LoginDialogue(login, call));
}

/** Says by one fresh log-in whether a key opens the account. `accepted` only if the device checked the key. */
export async function verifyKey(device: Device, login: Login, call: Call): Promise<CheckResult> {
  if (publicHalf(login.password) === undefined) {
    call.transcript("the secret is no private key");
    return { verdict: "unknown", code: "target.unexpected" };
  }
  const dialogue = new KeyDialogue(login, call);
  try {
    const connection = await connect(device, call, dialogue);
    void connection.close();
  } catch (error) {
    if (!(error instanceof PluginFailure)) throw error;
    // sshd looks at the account after it has checked the key's signature.
    if (error.code === "auth.expired") return { verdict: "accepted", code: "verify.account-expired" };
    if (error.code === "auth.rejected") return { verdict: "rejected", code: "verify.rejected" };
    return { verdict: "unknown", code: error.code };
  }
  if (!dialogue.keySent) return { verdict: "unknown", code: "verify.no-password-asked" };
  return { verdict: "accepted", code: "verify.accepted" };
}
