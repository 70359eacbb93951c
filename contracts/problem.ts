import { type ErrorCode, ERRORS } from "./errors.ts";

/** What is wrong with a template, where; see `templates/language/script.ts`. */
interface Complaint {
  readonly severity: "refusal" | "warning";
  readonly rule: string;
  readonly message: string;
  readonly line: number;
  readonly column: number;
}

/** What a refusal may carry beside its code, to act on it. */
export interface ProblemExtras {
  /** The operation that holds the credential's one open place. */
  readonly openCode?: number;
  /** The state the operation is in now. */
  readonly state?: string;
  /** The version that is current now; null when none is. */
  readonly currentVersion?: number | null;
  /** Fields that do not fit, the rule each one breaks and the shape (never the value) it had. */
  readonly errors?: readonly { field: string; rule: string; got: string }[];
  /** What is wrong with a template. */
  readonly complaints?: readonly Complaint[];
}

/** A request that cannot be answered as asked. Thrown by handlers and queries, sent as RFC 9457 problem details. */
export class ApiProblem extends Error {
  override readonly name = "ApiProblem";
  readonly code: ErrorCode;
  readonly extras: ProblemExtras;

  /**
   * @param detail this case in a sentence, without secrets; the catalogue's advice when absent
   */
  constructor(code: ErrorCode, detail?: string, extras: ProblemExtras = {}) {
    super(detail ?? ERRORS[code].advice);
    this.code = code;
    this.extras = extras;
  }
}
