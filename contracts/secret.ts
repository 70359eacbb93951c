const inspect = Symbol.for("nodejs.util.inspect.custom");

/**
 * A clear-text secret in memory. Printing, serialising or interpolating it gives `[secret]`; only {@link reveal}
 * gives the value, so every place that uses one can be found by name.
 */
export class Secret {
  readonly #value: string;

  constructor(value: string) {
    this.#value = value;
  }

  /** The clear text. Hand it to the device or the cipher and nowhere else. */
  reveal(): string {
    return this.#value;
  }

  toString(): string {
    return "[secret]";
  }

  toJSON(): string {
    return "[secret]";
  }

  [inspect](): string {
    return "[secret]";
  }
}

/** What a secret is that has a form of its own and is no password out of an alphabet: a private key. */
export interface SecretForm {
  /** "must be …", for whoever stores another text. */
  readonly rule: string;
  fits(secret: Secret): boolean;
  /** A new one. */
  make(): Secret;
}
