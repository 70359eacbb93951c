import { type Call, PluginFailure } from "../plugin.ts";
import { onlyReads } from "./only-reads.ts";
import type { Statement } from "./render.ts";

/** How statements are sent. */
export interface Running {
  readonly call: Call;
  readonly pointOfNoReturn: () => Promise<void>;
  /** Whether an error undoes what was done before: in a transaction. */
  readonly undoes: boolean;
  /** Sends one statement and waits for its answer. Throws {@link PluginFailure}. */
  send(statement: Statement): Promise<void>;
}

/**
 * Runs the statements of a change: the point of no return stands before the first that carries the new password.
 * @throws PluginFailure; `refused` only when no statement that carries the new password was carried out
 */
export async function runChange(statements: readonly Statement[], running: Running): Promise<void> {
  const first = statements.findIndex(({ carriesNewPassword }) => carriesNewPassword);
  if (first === -1) throw new PluginFailure("template.refused", "No statement carries the new password.");
  await sendAll(statements, first, running);
}

/**
 * Runs the statements of a job, all of them after the point of no return.
 * @throws PluginFailure; `refused` only when none was carried out
 */
export async function runJob(statements: readonly Statement[], running: Running): Promise<void> {
  if (statements.length === 0) throw new PluginFailure("template.refused", "There is no statement to run.");
  await sendAll(statements, 0, running);
}

async function sendAll(statements: readonly Statement[], point: number, running: Running): Promise<void> {
  const { call, undoes } = running;
  for (const [index, statement] of statements.entries()) {
    if (index === point) {
      await running.pointOfNoReturn();
      if (call.signal.aborted) throw new PluginFailure("target.timeout", "stopped from outside");
    }
    try {
      await sendOne(statement, running);
    } catch (error) {
      throw index > point && !undoes ? inDoubt(error) : error;
    }
  }
}

/**
 * Sends one statement, and notes what came of it.
 * @throws what `send` throws
 */
export async function sendOne(statement: Statement, { call, send }: Pick<Running, "call" | "send">): Promise<void> {
  const { line, title } = statement;
  try {
    await send(statement);
  } catch (error) {
    call.transcript(`line ${line}: ${title} … failed`);
    throw error;
  }
  call.transcript(`line ${line}: ${title} … done`);
}

/** Whether a statement may be sent in a rehearsal that undoes nothing; notes it where it may not. */
export function rehearses({ sql, line, title }: Statement, call: Call): boolean {
  if (onlyReads(sql)) return true;
  call.transcript(`line ${line}: ${title} … not sent: it may change something, which nothing would undo`);
  return false;
}

/** The same failure, where statements before it were carried out already and stay so. */
function inDoubt(error: unknown): unknown {
  if (!(error instanceof PluginFailure) || !error.refused) return error;
  return new PluginFailure(error.code, error.message, { cause: error.cause });
}
