import { createHash, generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import ssh2, { type AuthContext, type ServerChannel } from "ssh2";
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
}

/** A server that misbehaves in ways no real sshd can be made to. It offers keyboard-interactive and password. */
export async function startFakeSsh(behaviour: FakeBehaviour): Promise<FakeSsh> {
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" })
    .privateKey.export({ type: "sec1", format: "pem" })
    .toString();
  const server = new ssh2.Server({ hostKeys: [key] }, (connection) => {
    connection.on("error", () => undefined);
    connection.on("authentication", (context) => {
      if (context.method === "none") context.reject(["keyboard-interactive", "password"]);
      else behaviour.authenticate(context, () => connection.end());
    });
    connection.on("session", (accept) => {
      const session = accept();
      session.on("pty", (yes: () => void) => (behaviour.noTerminal ? connection.end() : yes()));
      session.on("exec", (yes: () => ServerChannel, _no: unknown, info: { command: string }) => {
        behaviour.run?.(yes(), info.command);
      });
      session.on("shell", (yes: () => ServerChannel) => behaviour.shell?.(yes()));
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
