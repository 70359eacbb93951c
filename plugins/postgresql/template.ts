/** Templates of statements: in one transaction where the server allows it. */
import type pg from "pg";
import { Secret } from "../../contracts/secret.ts";
import { hasTag, valueOf } from "../../templates/language/render.ts";
import {
  type BoundScript,
  type Command,
  NEW_PASSWORD_TAGS,
  type TagValues,
  type Text,
} from "../../templates/language/script.ts";
import { type Call, PluginFailure } from "../plugin.ts";
import { rehearsable, renderStatements, type Statement } from "../statements/render.ts";
import { rehearses, runChange, runJob, sendOne } from "../statements/run.ts";
import { CLOCK, inTime, LIMIT_MS } from "./deadline.ts";
import { changeFailure } from "./failures.ts";
import { scramVerifier } from "./scram.ts";

/** One way to send statements. */
interface Sender {
  readonly undoes: boolean;
  readonly iterations: number;
  /** From now on the time runs in which everything must have reached the server. */
  startClock(): void;
  send(statement: string): Promise<void>;
  /** Makes what was sent last. */
  commit(): Promise<void>;
}

interface Running {
  readonly client: pg.Client;
  readonly call: Call;
  readonly pointOfNoReturn: () => Promise<void>;
}

/** What ends or begins a transaction, or cannot stand in one. */
const ALONE =
  /^\s*(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|PREPARE|VACUUM|ALTER\s+SYSTEM|(?:CREATE|DROP)\s+(?:DATABASE|TABLESPACE))\b/i;

/**
 * Carries out a change by template.
 * @throws PluginFailure, or what `pointOfNoReturn` rejected with
 */
export async function changeByTemplate(script: BoundScript, running: Running): Promise<void> {
  await byTemplate(script, running, runChange);
}

/**
 * Carries out a job by template.
 * @throws PluginFailure, or what `pointOfNoReturn` rejected with
 */
export async function runByTemplate(script: BoundScript, running: Running): Promise<void> {
  await byTemplate(script, running, runJob);
}

/**
 * Carries out the statements before the first with a password, and undoes them where the server allows it.
 * @returns the line it stopped before; undefined when there is none
 * @throws PluginFailure
 */
export async function rehearse(script: BoundScript, { client, call }: Omit<Running, "pointOfNoReturn">) {
  const { statements, until } = rehearsable(script, "postgresql");
  const sender = await begin(client, script);
  const send = ({ sql }: Statement) => failing(sender.send(sql));
  for (const statement of statements) {
    if (!sender.undoes && !rehearses(statement, call)) return statement.line;
    await sendOne(statement, { call, send });
  }
  if (sender.undoes) await failing(client.query("ROLLBACK"));
  return until;
}

async function byTemplate(script: BoundScript, running: Running, runner: typeof runChange): Promise<void> {
  const { client, call, pointOfNoReturn } = running;
  // What cannot be written is found before the server is asked anything.
  renderStatements(script, { sql: "postgresql" });
  const sender = await begin(client, script);
  const statements = await withVerifiers(script, sender.iterations);
  const send = ({ sql }: Statement) => failing(sender.send(sql));
  const pass = () => {
    sender.startClock();
    return pointOfNoReturn();
  };
  await runner(statements, { call, pointOfNoReturn: pass, undoes: sender.undoes, send });
  await failing(sender.commit());
}

/** In a session of this setting a backslash in a literal is a backslash, as it is quoted here. */
const QUOTING = "standard_conforming_strings = on";

async function begin(client: pg.Client, { script }: BoundScript): Promise<Sender> {
  const apart = script.commands.some(({ args }) => ALONE.test(literalStart(args[0] ?? [])));
  const first = apart ? `SET statement_timeout = ${LIMIT_MS}` : "BEGIN";
  await failing(client.query(`${first}; SET ${apart ? "" : "LOCAL "}${QUOTING}`));
  const { rows } = await failing(client.query<{ now: number; iterations: number }>(`SELECT ${CLOCK}`));
  const read = performance.now();
  const { now = 0, iterations = 0 } = rows[0] ?? {};
  if (apart) {
    const send = async (statement: string) => void (await client.query(statement));
    return { undoes: false, iterations, startClock: () => {}, send, commit: async () => {} };
  }
  // The server read its clock before the answer came: this is rather too early than too late.
  const clock = () => now + (performance.now() - read) / 1000;
  let started: number | undefined;
  const send = async (statement: string) => void (await client.query(inTime(started ?? clock(), statement)));
  const startClock = () => {
    started = clock();
  };
  return { undoes: true, iterations, startClock, send, commit: () => send("COMMIT") };
}

/** The texts of errors are left out: some repeat the statement from where it was not understood. */
async function failing<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    const { code, refused } = changeFailure(error);
    const sqlstate = error instanceof Error && "code" in error ? String(error.code) : "an error";
    throw new PluginFailure(code, `PostgreSQL answered ${sqlstate}.`, { refused });
  }
}

/**
 * The statements, where a password that stands alone after `PASSWORD` is sent as its verifier: the server stores that,
 * and none of its logs ever holds the clear text.
 */
async function withVerifiers(bound: BoundScript, iterations: number): Promise<Statement[]> {
  const command = bound.script.commands.find(setsRolePassword);
  if (!command) return renderStatements(bound, { sql: "postgresql" });
  const tag = command.args[0]?.find((part) => typeof part !== "string" && hasTag([part], NEW_PASSWORD_TAGS));
  if (tag === undefined || typeof tag === "string") throw new PluginFailure("target.unexpected");
  const verifier = new Secret(await scramVerifier(valueOf(tag, bound.values), iterations));
  const hashed: TagValues = { ...bound.values, NEW_PASSWORD: verifier, PASSWORD: verifier };
  const valuesFor = (one: Command, values: TagValues) => (setsRolePassword(one) ? hashed : values);
  return renderStatements(bound, { sql: "postgresql", valuesFor });
}

/** `CREATE ROLE` or `ALTER ROLE` in which the new password is all that stands in the literal after `PASSWORD`. */
function setsRolePassword({ args: [text = []] }: Command): boolean {
  if (!/^\s*(?:CREATE|ALTER)\s+(?:ROLE|USER)\b/i.test(literalStart(text))) return false;
  const places = text.flatMap((part, index) =>
    typeof part !== "string" && hasTag([part], NEW_PASSWORD_TAGS) ? [index] : [],
  );
  return places.length > 0 && places.every((index) => isWholeLiteral(text[index - 1], text[index + 1]));
}

function isWholeLiteral(before: Text[number] | undefined, after: Text[number] | undefined): boolean {
  if (typeof before !== "string" || (after !== undefined && typeof after !== "string")) return false;
  if (/\bPASSWORD\s+'$/i.test(before)) return after?.startsWith("'") === true && !after.startsWith("''");
  return /\bPASSWORD\s+$/i.test(before) && /^(?:\s|$)/.test(after ?? "");
}

function literalStart(text: Text): string {
  const [first = ""] = text;
  return typeof first === "string" ? first : "";
}
