import type { ClientChannel } from "ssh2";
import type { Terminal } from "../terminal/terminal.ts";

/** A log-in shell as a terminal. */
export interface Shell extends Terminal {
  /** Ends it; the connection stays. */
  end(): void;
}

/** The shell on a channel. What it says is kept from the first byte on, until somebody listens. */
export function shellOn(channel: ClientChannel): Shell {
  const kept: Buffer[] = [];
  let listener = (bytes: Buffer): void => void kept.push(bytes);
  let closed = false;
  for (const stream of [channel, channel.stderr]) stream.on("data", (bytes: Buffer) => listener(bytes));
  channel.on("error", () => undefined);
  channel.once("close", () => (closed = true));
  return {
    write: (bytes) => void channel.write(bytes),
    onData(heard) {
      listener = heard;
      for (const bytes of kept.splice(0)) heard(bytes);
    },
    onClose(told) {
      if (closed) told();
      else channel.once("close", told);
    },
    end: () => channel.close(),
  };
}
