/** Exit codes after BSD's sysexits.h, so that scripts can tell what to do next. */
export const EXIT = {
  ok: 0,
  /** The command line is wrong. */
  usage: 64,
  /** Keyturn refused what was asked: wrong fields, a refused change, a rejected password. */
  data: 65,
  /** What was named does not exist, or no password came on standard input. */
  notFound: 66,
  /** Keyturn, its database or Temporal does not answer. */
  unavailable: 69,
  /** A fault in Keyturn or in this program. */
  software: 70,
  /** Not now: the state does not allow it, or an operation that was waited for did not succeed. */
  notNow: 75,
  /** The token is missing, invalid, or its roles do not allow this. */
  noPermission: 77,
  /** Ctrl-C at a question; what a shell reports for SIGINT. */
  interrupted: 130,
} as const;

/** Ends the command with a sentence for the person and a code for the script. */
export class CliError extends Error {
  override readonly name = "CliError";
  readonly exitCode: number;
  /** What to do; shown on a line of its own. */
  readonly hint: string;

  constructor(exitCode: number, message: string, hint = "", options?: ErrorOptions) {
    super(message, options);
    this.exitCode = exitCode;
    this.hint = hint;
  }
}

const BY_STATUS: Readonly<Record<number, number>> = {
  401: EXIT.noPermission,
  403: EXIT.noPermission,
  404: EXIT.notFound,
  409: EXIT.notNow,
  412: EXIT.notNow,
  429: EXIT.notNow,
  502: EXIT.unavailable,
  503: EXIT.unavailable,
  504: EXIT.unavailable,
};

/** The exit code for an answer that is not a success. */
export function exitCodeForStatus(status: number): number {
  return BY_STATUS[status] ?? (status >= 500 ? EXIT.software : EXIT.data);
}
