import pg from "pg";
import type { ErrorCode } from "../../contracts/errors.ts";
import { PluginFailure } from "../plugin.ts";
import { transportFailure } from "../tls/failures.ts";

/** SQLSTATE: https://www.postgresql.org/docs/current/errcodes-appendix.html */
const SQLSTATE: Readonly<Record<string, ErrorCode>> = {
  "28P01": "auth.rejected",
  "53300": "target.busy",
  "53400": "target.busy",
  "57P03": "target.busy",
  "57P01": "target.connection-lost",
  "57P02": "target.connection-lost",
  "57P05": "target.connection-lost",
  "42501": "auth.not-permitted",
  "42704": "account.unknown",
  "42710": "account.exists",
  "57014": "target.timeout",
  // The first statement of a change found its time over.
  "22P02": "target.timeout",
  "55P03": "target.busy",
  "40001": "target.busy",
  "40P01": "target.busy",
};

/** A check of the new password by the server: passwordcheck, credcheck and hooks written in SQL raise these. */
const POLICY = new Set(["22023", "28000", "P0001"]);

/**
 * Classes of which PostgreSQL raises only ordinary errors, never while it commits: the whole message was rolled back.
 * Others (disk full, internal, shutdown) may come with the end of the server, and then nobody knows.
 */
const ROLLED_BACK = /^(22|23|25|28|40|42|P0)...$|^57014$|^55P03$/;

/** What the server said, or what became of the connection, while logging in. */
export function loginFailure(error: unknown): PluginFailure {
  if (error instanceof PluginFailure) return error;
  if (error instanceof pg.DatabaseError)
    return new PluginFailure(codeOf(error) ?? "target.unexpected", said(error), { cause: error });
  return connectionFailure(error);
}

/** The same for what followed the log-in: an ordinary error of the server proves that nothing was changed. */
export function changeFailure(error: unknown): PluginFailure {
  if (error instanceof PluginFailure) return error;
  if (!(error instanceof pg.DatabaseError)) return connectionFailure(error);
  const sqlstate = error.code ?? "";
  // Two sessions changed the same role at the same moment; the later one gets this internal error.
  const overtaken = error.routine === "simple_heap_update";
  const policy = POLICY.has(sqlstate) ? "change.refused" : undefined;
  const code = overtaken ? "target.busy" : (policy ?? codeOf(error) ?? "target.unexpected");
  return new PluginFailure(code, said(error), { refused: overtaken || ROLLED_BACK.test(sqlstate), cause: error });
}

/** 28000 is said in several places, told apart by the function that raised it: the message is translated. */
function codeOf(error: pg.DatabaseError): ErrorCode | undefined {
  if (error.code !== "28000") return SQLSTATE[error.code ?? ""];
  return error.routine === "InitializeSessionUserId" ? "auth.locked" : "auth.not-permitted";
}

function said(error: pg.DatabaseError): string {
  return `PostgreSQL ${error.code ?? "error"}: ${error.message}`;
}

/** What became of the connection; the driver's own words for one that ended come without a code. */
function connectionFailure(error: unknown): PluginFailure {
  const detail = error instanceof Error ? error.message : String(error);
  const ended = /^Connection terminated|not queryable|was closed/.test(detail);
  return (
    transportFailure(error) ??
    new PluginFailure(ended ? "target.connection-lost" : "target.unexpected", detail, { cause: error })
  );
}
