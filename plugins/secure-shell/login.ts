import type { AnyAuthMethod, AuthenticationType, NextAuthHandler, Prompt } from "ssh2";
import { PluginFailure, type Call, type Login } from "../plugin.ts";
import { excerpt, EXPIRED, isPasswordPrompt, LOCKED, MUST_CHANGE, plain } from "../terminal/text.ts";

/** How ssh2 asks for the next way to log in, and is told one. */
export type Handler = (left: AuthenticationType[] | null, partial: boolean | null, next: NextAuthHandler) => void;

/** One log-in: what answers the device, and what is made of what it says. */
export interface Dialogue {
  /** Who is told when the dialogue must end. */
  onStop(stopped: (failure: PluginFailure) => void): void;
  /** Ends the dialogue: nothing more is sent. */
  stop(failure: PluginFailure): void;
  /** Takes what the device says without asking. */
  hear(text: string): void;
  /** What a refused log-in or a lost connection means after all that was heard. */
  explain(error: unknown): unknown;
  handler(): Handler;
}

/** A log-in that was refused although the device found the password right. */
export class PasswordRight extends PluginFailure {}

/**
 * One SSH log-in as one PAM conversation: `none` to learn the methods, then keyboard-interactive if offered, else
 * password. The password is sent once, to one prompt that is exactly a password prompt; whatever else is asked ends
 * the log-in, because an answer could count as a failed try or reach the wrong question.
 */
export class LoginDialogue implements Dialogue {
  /** Whether the device demanded the password and got it. */
  passwordSent = false;
  readonly #login: Login;
  readonly #call: Call;
  readonly #tried = new Set<AuthenticationType>();
  /** What the device said after it got the password. */
  #heard = "";
  #stopped: ((failure: PluginFailure) => void) | undefined;

  constructor(login: Login, call: Call) {
    this.#login = login;
    this.#call = call;
  }

  /** Who is told when the dialogue must end. */
  onStop(stopped: (failure: PluginFailure) => void): void {
    this.#stopped = stopped;
  }

  /** Ends the dialogue: nothing more is sent. */
  stop(failure: PluginFailure): void {
    this.#stopped?.(failure);
  }

  /** Takes what the device says without asking: a banner, or a round of keyboard-interactive without prompts. */
  hear(text: string): void {
    const said = plain(text);
    this.#call.transcript(`< ${said.trim()}`);
    // Before the password a banner is the administrator's text and may say anything.
    if (this.passwordSent) this.#heard += `${said}\n`;
  }

  /** Whether the device said that it wants the password changed, which it says only of a right one. */
  get mustChange(): boolean {
    return MUST_CHANGE.test(this.#heard);
  }

  /** What a refused log-in or a lost connection means after all that was heard. */
  explain(error: unknown): unknown {
    if (!(error instanceof PluginFailure) || !this.passwordSent) return error;
    if (EXPIRED.test(this.#heard)) return new PasswordRight("auth.expired", excerpt(this.#heard), { cause: error });
    // With MaxAuthTries 1 sshd answers a wrong password by hanging up.
    if (/too many authentication failures/i.test(error.message)) {
      return new PluginFailure("auth.rejected", error.message, { cause: error });
    }
    return error;
  }

  /** The authentication handler for ssh2. */
  handler(): Handler {
    return (left, partial, next) => {
      const offered = left ?? [];
      if (left === null) next({ type: "none", username: this.#login.username });
      else if (partial === true) this.#needsHuman(`a second step is demanded: ${offered.join(", ")}`);
      else if (this.passwordSent) this.stop(this.#rejection());
      else if (offered.includes("keyboard-interactive") && this.#first("keyboard-interactive"))
        next(this.#interactive());
      else if (offered.includes("password") && this.#first("password")) next(this.#password());
      else this.#needsHuman(`no password is taken, only: ${offered.join(", ")}`);
    };
  }

  #first(method: AuthenticationType): boolean {
    const first = !this.#tried.has(method);
    this.#tried.add(method);
    return first;
  }

  #password(): AnyAuthMethod {
    this.passwordSent = true;
    this.#call.transcript("> the password");
    return { type: "password", username: this.#login.username, password: this.#login.password.reveal() };
  }

  #interactive(): AnyAuthMethod {
    return {
      type: "keyboard-interactive",
      username: this.#login.username,
      prompt: (_name, instructions, _language, prompts, answer) => {
        const text = plain([instructions, ...prompts.map((each) => each.prompt)].join("\n"));
        this.#call.transcript(`< ${text.trim()}`);
        const failure = this.#question(text, prompts);
        if (failure !== undefined) {
          this.stop(failure);
          return;
        }
        this.passwordSent = true;
        this.#call.transcript("> the password");
        answer([this.#login.password.reveal()]);
      },
    };
  }

  /** Why a question is not answered; undefined when it is the one password prompt. */
  #question(text: string, prompts: readonly Prompt[]): PluginFailure | undefined {
    const said = excerpt(text);
    const [only] = prompts;
    if (this.passwordSent) {
      if (MUST_CHANGE.test(text)) return new PasswordRight("auth.must-change", said);
      if (EXPIRED.test(text)) return new PasswordRight("auth.expired", said);
    }
    if (LOCKED.test(text)) return new PluginFailure("auth.locked", said);
    const askable = prompts.length === 1 && only !== undefined && only.echo !== true && isPasswordPrompt(only.prompt);
    return askable && !this.passwordSent ? undefined : new PluginFailure("target.needs-human", said);
  }

  #rejection(): PluginFailure {
    if (LOCKED.test(this.#heard)) return new PluginFailure("auth.locked", excerpt(this.#heard));
    return new PluginFailure("auth.rejected", excerpt(this.#heard));
  }

  #needsHuman(detail: string): void {
    this.stop(new PluginFailure("target.needs-human", detail));
  }
}
