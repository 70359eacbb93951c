/**
 * An interactive session with a device, as bytes both ways: a shell channel of SSH, a telnet connection whose commands
 * were taken out. Closing politely is its owner's.
 */
export interface Terminal {
  write(bytes: Buffer): void;
  /** Tells everything that the device says from now on, and what it said before. Asked for once. */
  onData(listener: (bytes: Buffer) => void): void;
  /** Told once, also when the session ended before. */
  onClose(listener: () => void): void;
}

/** What ends a line that is sent: LF, CR LF, CR. */
export const NEW_LINES = { unix: "\n", windows: "\r\n", mac: "\r" } as const;
export type NewLineMode = keyof typeof NEW_LINES;
