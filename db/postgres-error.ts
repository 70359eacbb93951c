/** What PostgreSQL said, wherever drizzle wrapped it. */
export interface PostgresFault {
  /** SQLSTATE, or the driver's own code such as ECONNREFUSED. */
  readonly code: string;
  readonly constraint: string | undefined;
}

/** Finds the driver's error in a chain of causes; undefined when it is another kind of error. */
export function postgresFault(error: unknown): PostgresFault | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if (!("code" in cause) || typeof cause.code !== "string") continue;
    const constraint = "constraint_name" in cause ? cause.constraint_name : undefined;
    return { code: cause.code, constraint: typeof constraint === "string" ? constraint : undefined };
  }
  return undefined;
}

/** Name of the unique constraint or index that a statement broke, if it broke one. */
export function violatedConstraint(error: unknown): string | undefined {
  const fault = postgresFault(error);
  return fault?.code === "23505" ? fault.constraint : undefined;
}
