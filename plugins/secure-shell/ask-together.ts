/**
 * ssh2 waits for each answer before it asks the next thing; two of these round trips are saved here. There is no other
 * way than to stand before ssh2's protocol. The answers come in the order of the requests, and each is heeded.
 */
import type { Client, PseudoTtyOptions } from "ssh2";

interface Insides {
  readonly _protocol: {
    readonly _handlers: { SERVICE_ACCEPT(protocol: unknown, name: string): void };
    service(name: string): void;
    pty(channel: number, ...terminal: unknown[]): void;
    shell(channel: number, wantReply: boolean): void;
  };
}

/**
 * Sends the first request of the log-in, which asks for its methods and holds no secret, together with that for the
 * service that takes it, as Dropbear's client does. Once, before the key exchange.
 * Source: RFC 4253, 10: only after a key exchange with implicit server authentication must a client wait.
 */
export function askToLogInAtOnce(client: Client): void {
  const protocol = insidesOf(client);
  const { service } = protocol;
  const { SERVICE_ACCEPT: begin } = protocol._handlers;
  protocol.service = (name) => {
    service.call(protocol, name);
    protocol._handlers.SERVICE_ACCEPT = () => undefined;
    begin(protocol, name);
  };
}

/**
 * Asks for a log-in shell together with its terminal, as OpenSSH's client does. Once, before the first shell. A terminal
 * that is refused is a failure, and ends the shell.
 * @param terminal that of each shell, told from others by the object that its modes are
 */
export function askForShellAtOnce(client: Client, { modes }: Required<Pick<PseudoTtyOptions, "modes">>): void {
  const protocol = insidesOf(client);
  const { pty, shell } = protocol;
  const asked = new Set<number>();
  protocol.pty = (channel, ...terminal) => {
    pty.call(protocol, channel, ...terminal);
    if (!terminal.includes(modes)) return;
    shell.call(protocol, channel, true);
    asked.add(channel);
  };
  protocol.shell = (channel, wantReply) => {
    if (!asked.delete(channel)) shell.call(protocol, channel, wantReply);
  };
}

function insidesOf(client: Client): Insides["_protocol"] {
  return (client as unknown as Insides)._protocol;
}
