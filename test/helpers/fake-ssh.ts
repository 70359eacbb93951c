import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import ssh2, { type AuthContext, type Client, type Connection, type ServerChannel } from "ssh2";
import type { Device } from "../../plugins/plugin.ts";

export interface FakeSsh {
  readonly device: Device;
  stop(): void;
}

export interface FakeBehaviour {
  /** Answers an authentication request; the method `none` was rejected already. */
  readonly authenticate: (context: AuthContext, hangUp: () => void) => void;
  /** Plays the command that was asked for. */
  readonly run?: (stream: ServerChannel, command: string) => void;
  /** Plays the log-in shell. */
  readonly shell?: (stream: ServerChannel) => void;
  /** Hangs up when it is asked for a terminal. */
  readonly noTerminal?: boolean;
  /** Refuses a terminal, and gives the shell all the same. */
  readonly refusesTerminal?: boolean;
  /**
   * Answers only when it must: the request for the service of log-ins when a log-in was asked for, that for a terminal
   * when a shell was.
   */
  readonly slow?: boolean;
}

/** A server that misbehaves in ways no real sshd can be made to. It offers keyboard-interactive and password. */
export async function startFakeSsh(behaviour: FakeBehaviour): Promise<FakeSsh> {
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ type: "sec1", format: "pem" })
    .toString();
  const server = new ssh2.Server({ hostKeys: [key] }, (connection) => {
    connection.on("error", () => undefined);
    // As sshd does; its types know it of clients only.
    (connection as Connection & Pick<Client, "setNoDelay">).setNoDelay(true);
    const acceptService = behaviour.slow ? holdService(connection) : () => undefined;
    connection.on("authentication", (context) => {
      acceptService();
      if (context.method === "none") context.reject(["keyboard-interactive", "password"]);
      else behaviour.authenticate(context, () => connection.end());
    });
    connection.on("session", (accept) => {
      const session = accept();
      let answerTerminal = (): void => undefined;
      session.on("pty", (yes: () => void, no: () => void) => {
        answerTerminal = behaviour.noTerminal ? () => connection.end() : behaviour.refusesTerminal ? no : yes;
        if (!behaviour.slow) answerTerminal();
      });
      session.on("exec", (yes: () => ServerChannel, _no: unknown, info: { command: string }) => {
        behaviour.run?.(yes(), info.command);
      });
      session.on("shell", (yes: () => ServerChannel) => {
        if (behaviour.slow) answerTerminal();
        behaviour.shell?.(yes());
      });
    });
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as { port: number };
  const parsed = ssh2.utils.parseKey(key);
  if (parsed instanceof Error) throw parsed;
  const blob = parsed.getPublicSSH();
  const pinnedIdentity = `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
  return { device: { address: "127.0.0.1", port, settings: {}, pinnedIdentity }, stop: () => void server.close() };
}

/** Keeps the server from accepting the service that was asked for. Returns what lets it. */
function holdService(connection: Connection): () => void {
  const protocol = (connection as unknown as { _protocol: { serviceAccept(name: string): void } })._protocol;
  const { serviceAccept } = protocol;
  let held: string | undefined;
  protocol.serviceAccept = (name) => (held = name);
  return () => {
    if (held !== undefined) serviceAccept.call(protocol, held);
    held = undefined;
  };
}

/** The lines that a stream gets, one after the other. */
export function linesOf(stream: ServerChannel): () => Promise<string> {
  let waiting = "";
  let wake = () => {};
  stream.on("data", (piece: Buffer) => {
    waiting += piece.toString();
    wake();
  });
  return async () => {
    while (!waiting.includes("\n")) await new Promise<void>((resolve) => (wake = resolve));
    const end = waiting.indexOf("\n");
    const line = waiting.slice(0, end);
    waiting = waiting.slice(end + 1);
    return line;
  };
}
