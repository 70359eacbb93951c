/** Carries out the commands of one sequence through the real API, and keeps what was asked and answered. */
import { setTimeout as sleep } from "node:timers/promises";
import { and, eq, sql } from "drizzle-orm";
import type { OperationAction } from "../../../contracts/states.ts";
import * as schema from "../../../db/schema/index.ts";
import {
  type Command,
  type CredentialEdit,
  describeCommand,
  type DeviceEdit,
  type Person,
  type Sequence,
} from "./commands.ts";
import type { Grounds, Subject } from "./grounds.ts";
import type { Reply } from "./persons.ts";

type Act = Command & { do: OperationAction };

interface Answer {
  /** The operation it was about; of a request, the one it made. */
  readonly code: number | undefined;
  /** State that it told. */
  readonly state: string | undefined;
  /** Catalogue code of a refusal. */
  readonly refusal: string | undefined;
  /** Open operation that a refusal named. */
  readonly openCode: number | undefined;
}

/** What was asked, and what was answered about one operation. */
export interface Entry extends Answer, Omit<Reply, "body"> {
  readonly command: string;
  readonly action: OperationAction | "request" | "look";
}

interface Problem {
  readonly code: string;
  readonly openCode?: number;
}

export class SequenceRun {
  readonly sequence: Sequence;
  readonly subject: Subject;
  /** What was asked and answered, in the order of the answers. */
  readonly entries: Entry[] = [];
  /** What went wrong and is no answer about an operation. */
  readonly broken: string[] = [];
  /** Every command as it began, for the report of a failure. */
  readonly story: string[] = [];
  readonly #grounds: Grounds;
  readonly #begunAt = Date.now();
  /** Every operation it made, oldest first; what is done is done to the last. */
  readonly #codes: number[] = [];

  constructor(grounds: Grounds, sequence: Sequence, subject: Subject) {
    this.#grounds = grounds;
    this.sequence = sequence;
    this.subject = subject;
  }

  async run(): Promise<void> {
    await sleep(this.sequence.after);
    try {
      for (const command of this.sequence.commands) await this.do(command);
    } catch (error) {
      this.broken.push(`${this.subject.username}: ${String(error)}`);
    }
  }

  async do(command: Command): Promise<void> {
    if (command.do !== "race") this.#tell(describeCommand(command));
    switch (command.do) {
      case "request":
        return this.#request(command);
      case "approve":
      case "reject":
        return this.#act(command, { person: command.by, body: {} });
      case "cancel":
      case "run-now":
        return this.#act(command, { person: "Rita" });
      case "restart":
        return this.#act(command, { person: "Rita", body: timed(command.inMs) });
      case "look":
        return this.#look();
      case "shorten":
        return this.#shorten(command.ms);
      case "edit-credential":
        return this.#edit("credentials", this.subject.credentialId, (before) => credentialPatch(command.what, before));
      case "edit-device":
        return this.#edit("devices", this.subject.deviceId, () => this.#devicePatch(command.what));
      case "wait":
        return sleep(command.ms);
      case "await-end":
        return this.#awaitEnd(command.ms);
      case "race":
        await Promise.all(command.between.map((one) => this.do(one)));
    }
  }

  #tell(what: string): void {
    this.story.push(`${((Date.now() - this.#begunAt) / 1000).toFixed(2)} s ${what}`);
  }

  async #request(command: Command & { do: "request" }): Promise<void> {
    const reply = await this.#grounds.persons.Rita("POST", "/v1/password-changes", {
      credentialIds: [this.subject.credentialId],
      ...timed(command.inMs),
    });
    const { operations = [], refused = [] } = reply.body as {
      operations?: { code: number; state: string }[];
      refused?: { code: string; openCode?: number }[];
    };
    const [made] = operations;
    if (made) this.#codes.push(made.code);
    const [refusal] = refused;
    this.#keep(command, reply, {
      code: made?.code,
      state: made?.state,
      refusal: refusal?.code,
      openCode: refusal?.openCode,
    });
  }

  async #look(): Promise<void> {
    const code = this.#codes.at(-1);
    if (code === undefined) return;
    const reply = await this.#grounds.persons.Rita("GET", `/v1/operations/${code}`);
    this.#keep({ do: "look" }, reply, { code, ...told(reply.body) });
  }

  async #act(command: Act, { person, body }: { person: Person; body?: object }): Promise<void> {
    const ask = this.#grounds.persons[person];
    const codes = [...this.#codes];
    const code = codes.at(-1);
    if (code === undefined) return;
    if (command.all) {
      const reply = await ask("POST", "/v1/operations/actions", { action: command.do, codes, ...body });
      const { items } = reply.body as {
        items: { code: number; ok: boolean; state: string; problem: Problem | null }[];
      };
      if (!items) this.#keep(command, reply, { code, ...told(reply.body) });
      for (const item of items ?? []) {
        const status = item.ok ? 200 : 409;
        this.#keep(command, { ...reply, status }, { code: item.code, state: item.state, ...refusalOf(item.problem) });
      }
    } else {
      const reply = await ask("POST", `/v1/operations/${code}/${command.do}`, body);
      this.#keep(command, reply, { code, ...told(reply.body) });
    }
  }

  #keep(command: Act | (Command & { do: "request" | "look" }), { body: _body, ...reply }: Reply, answer: Answer): void {
    const entry: Entry = { ...reply, command: describeCommand(command), action: command.do, ...answer };
    this.entries.push(entry);
    const words = [reply.status, answer.code, answer.state, answer.refusal, answer.openCode];
    this.#tell(`  ${entry.command}: ${words.filter((word) => word !== undefined).join(" ")}`);
  }

  async #shorten(inMs: number): Promise<void> {
    const code = this.#codes.at(-1);
    if (code === undefined) return;
    await shortenApproval(this.#grounds, code, inMs);
  }

  async #edit(
    resource: "credentials" | "devices",
    id: string,
    patch: (before: Record<string, unknown>) => object,
  ): Promise<void> {
    const { Root } = this.#grounds.persons;
    const before = await Root("GET", `/v1/${resource}/${id}`);
    const reply = await Root("PATCH", `/v1/${resource}/${id}`, patch(before.body), { "if-match": before.etag });
    // A neighbour may have edited the device meanwhile, and an account whose password is in doubt stays what it is.
    const refused = reply.status === 412 || reply.body["code"] === "credential.unresolved";
    if (reply.status !== 200 && !refused)
      this.broken.push(`an edit for ${this.subject.username} was answered ${JSON.stringify(reply.body)}`);
  }

  #devicePatch(what: DeviceEdit): object {
    const { target, proxy, closedPort } = this.#grounds;
    switch (what) {
      case "notes":
        return { model: `model ${Date.now()}` };
      case "settings":
        return {
          settings: { postgresql: { caCertificate: target.ca, database: Date.now() % 2 ? "template1" : "postgres" } },
        };
      case "direct":
        return { port: target.port };
      case "proxy":
        return { port: proxy.port };
      case "closed":
        return { port: closedPort };
    }
  }

  async #awaitEnd(withinMs: number): Promise<void> {
    const giveUpAt = Date.now() + withinMs;
    for (;;) {
      const code = this.#codes.at(-1);
      if (code === undefined || Date.now() > giveUpAt) return;
      if ((await this.#grounds.estate.operation(code)).endedAt !== null) return;
      await sleep(100);
    }
  }
}

/** An approval period ends within a minute at the soonest; here it ends so soon. */
export async function shortenApproval(grounds: Grounds, code: number, inMs: number): Promise<void> {
  const at = sql`clock_timestamp() + make_interval(secs => ${inMs / 1000})`;
  const shortened = await grounds.estate.db
    .update(schema.operations)
    .set({ approvalExpiresAt: at, wakeAt: at })
    .where(and(eq(schema.operations.code, code), eq(schema.operations.state, "awaiting-approval")))
    .returning({ code: schema.operations.code });
  if (shortened.length > 0) await grounds.wake(code);
}

function timed(inMs: number): object {
  return inMs === 0 ? {} : { scheduledFor: new Date(Date.now() + inMs).toISOString() };
}

function credentialPatch(what: CredentialEdit, before: Record<string, unknown>): object {
  switch (what) {
    case "notes":
      return { notes: `seen at ${Date.now()}` };
    case "info":
      return { additionalInfo: before["additionalInfo"] === "" ? "moved" : "" };
    case "authenticator":
      return { useOwnCredential: before["useOwnCredential"] !== true };
    case "automatic-off":
      return { automaticChange: false };
    case "automatic-on":
      return { automaticChange: true };
  }
}

/** What an answer about one operation says: the operation, or why not. */
function told(body: Record<string, unknown>): Omit<Answer, "code"> {
  const state = typeof body["state"] === "string" ? body["state"] : undefined;
  const problem = "status" in body ? (body as unknown as Problem) : null;
  return { state, ...refusalOf(problem) };
}

function refusalOf(problem: Problem | null): Pick<Answer, "refusal" | "openCode"> {
  return { refusal: problem?.code, openCode: problem?.openCode };
}
