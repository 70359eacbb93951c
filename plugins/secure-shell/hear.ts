import type { Client } from "ssh2";
import type { Dialogue } from "./login.ts";

interface Insides {
  readonly _protocol: {
    readonly _handlers: {
      USERAUTH_INFO_REQUEST(protocol: unknown, name: string, instructions: string, prompts?: readonly unknown[]): void;
    };
  };
}

/**
 * ssh2 answers a round of keyboard-interactive without prompts by itself and tells nobody what it said; sshd says
 * there that an account has expired or is locked. There is no other way to hear it than to stand in ssh2's handler.
 */
export function hearRoundsWithoutPrompts(client: Client, dialogue: Dialogue): void {
  const handlers = (client as unknown as Insides)._protocol._handlers;
  const inner = handlers.USERAUTH_INFO_REQUEST;
  handlers.USERAUTH_INFO_REQUEST = (protocol, name, instructions, prompts) => {
    if (!prompts?.length) dialogue.hear(instructions);
    inner(protocol, name, instructions, prompts);
  };
}
