/** One recording's estate: a device with accounts, workers that can be held, and the people who ask for changes. */
import { randomBytes } from "node:crypto";
import type { Client as TemporalClient } from "@temporalio/client";
import { historyToJSON } from "@temporalio/common/lib/proto-utils.js";
import { eq, sql } from "drizzle-orm";
import type { Moment } from "../../activities/deps.ts";
import type { Client } from "../../cli/client.ts";
import { operationWorkflowId } from "../../contracts/ids.ts";
import type { ChangesAccepted } from "../../contracts/operations.schema.ts";
import type { ApprovalRule } from "../../contracts/policy.ts";
import type { OperationAction, OperationKind, OperationState } from "../../contracts/states.ts";
import { requestChanges } from "../../db/queries/requests.ts";
import { newId } from "../../db/new-id.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { until } from "../../scripts/engine/ports.ts";
import type { PostgresTarget } from "../../scripts/targets/postgres.ts";
import { type CuttingProxy, startCuttingProxy } from "./cutting-proxy.ts";
import type { Estate } from "./estate.ts";
import { CANARY, FAR_SITE, type RecordedHistory } from "./histories.ts";
import { TestWorker } from "./worker.ts";

type CredentialPatch = Partial<typeof schema.credentials.$inferInsert>;

const ENDED: readonly OperationState[] = ["succeeded", "error", "canceled", "expired"];

/** What must come to pass for a recording to go on, on a busy machine. Milliseconds. */
const PATIENCE_MS = 60_000;

interface Parts {
  readonly estate: Estate;
  readonly target: PostgresTarget;
  readonly temporal: TemporalClient;
  readonly persons: Readonly<Record<"operator" | "approver" | "second", Client>>;
}

export class Scene {
  readonly estate: Estate;
  readonly temporal: TemporalClient;
  readonly persons: Parts["persons"];
  readonly #target: PostgresTarget;
  readonly #workers: TestWorker[] = [];
  readonly #proxies: CuttingProxy[] = [];
  #device: Promise<string> | undefined;

  constructor({ estate, target, temporal, persons }: Parts) {
    this.estate = estate;
    this.temporal = temporal;
    this.persons = persons;
    this.#target = target;
  }

  async close(): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.kill()));
    await Promise.all(this.#proxies.map((proxy) => proxy.stop()));
  }

  /** Starts a worker that is held once at each of the moments. */
  async worker(moments: readonly Moment[] = [], environment: Readonly<Record<string, string>> = {}) {
    const worker = await TestWorker.start(this.estate.surroundings, moments, environment);
    this.#workers.push(worker);
    return worker;
  }

  /** A device in front of the server; the scene's first one unless a port is given. */
  device(port?: number): Promise<string> {
    if (port !== undefined) return this.#addDevice(port);
    this.#device ??= this.#addDevice(this.#target.port);
    return this.#device;
  }

  #addDevice(port: number): Promise<string> {
    const { address, ca } = this.#target;
    return this.estate.addDevice({
      name: `${CANARY}-device-${port}`,
      address,
      port,
      permits: 30,
      settings: { postgresql: { caCertificate: ca } },
    });
  }

  /** A device that can be cut off. */
  async behindProxy(): Promise<{ proxy: CuttingProxy; deviceId: string }> {
    const proxy = await startCuttingProxy(this.#target.port);
    this.#proxies.push(proxy);
    return { proxy, deviceId: await this.device(proxy.port) };
  }

  /** A credential of a new account on the server. Returns its id. */
  async account(patch: CredentialPatch = {}): Promise<string> {
    const [username, password] = [name("account"), name("password")];
    await this.#target.createRoles([{ name: username, password }]);
    return this.#add({ username, password, ...patch });
  }

  /** The account that may change the others. */
  async administrator(): Promise<string> {
    return this.#add(this.#target.administrator);
  }

  /** A credential whose stored password is not the account's. */
  async wronglyStored(patch: CredentialPatch = {}): Promise<string> {
    const username = name("account");
    await this.#target.createRoles([{ name: username, password: name("password") }]);
    return this.#add({ username, password: name("wrong-password"), ...patch });
  }

  async #add({ deviceId, ...account }: CredentialPatch & { username: string; password: string }): Promise<string> {
    return this.estate.addCredential({
      plugin: "postgresql",
      notes: CANARY,
      tags: [CANARY],
      deviceId: deviceId ?? (await this.device()),
      ...account,
    });
  }

  /** A policy under which changes of credentials with its id want these approvals. */
  async approvalPolicy(levels: ApprovalRule["levels"]): Promise<string> {
    const id = newId();
    const approval = { levels, expiresMinutes: 5 };
    await this.estate.db.insert(schema.policies).values({
      id,
      name: name("policy"),
      criteria: { credentialTags: [CANARY] },
      approval,
    });
    return id;
  }

  /** Requests a change. Returns the operation's code. */
  async request(credentialId: string, inMs = 0): Promise<number> {
    const { operations, refused } = await this.persons.operator.post<ChangesAccepted>("v1/password-changes", {
      credentialIds: [credentialId],
      reason: name("reason"),
      ...(inMs > 0 ? { scheduledFor: new Date(Date.now() + inMs).toISOString() } : {}),
    });
    const [operation] = operations;
    if (!operation) throw new Error(`refused: ${JSON.stringify(refused)}`);
    return operation.code;
  }

  /** Requests work of another kind. Returns the operation's code. */
  async requestOf(kind: OperationKind, credentialId: string): Promise<number> {
    const asked = { kind, credentialId, reason: name("reason") };
    return (await this.persons.operator.post<{ code: number }>("v1/operations", asked)).code;
  }

  async act(code: number, action: OperationAction, by: keyof Parts["persons"] = "operator"): Promise<void> {
    const body = action === "run-now" || action === "cancel" ? undefined : {};
    await this.persons[by].post(`v1/operations/${code}/${action}`, body);
  }

  /** Requests a change whose approval expires so soon: periods are whole minutes. */
  async requestShortly(credentialId: string, expiresInMs: number): Promise<number> {
    const expiresAt = sql`now() + make_interval(secs => ${expiresInMs / 1000})`;
    return this.estate.db.transaction(async (tx) => {
      const { operations } = await requestChanges(tx, {
        credentialIds: [credentialId],
        reason: name("reason"),
        plugins: PLUGINS,
        actor: { actor: CANARY, person: `${CANARY}-operator` },
      });
      const code = operations[0]?.code ?? 0;
      await tx
        .update(schema.operations)
        .set({ approvalExpiresAt: expiresAt, wakeAt: expiresAt })
        .where(eq(schema.operations.code, code));
      return code;
    });
  }

  /** Leads a device that was not there to the server. */
  async repairDevice(deviceId: string): Promise<void> {
    const { port } = this.#target;
    await this.estate.db.update(schema.devices).set({ port }).where(eq(schema.devices.id, deviceId));
  }

  /** As if nothing had happened to the row for a while. */
  async overdue(code: number): Promise<void> {
    const wakeAt = sql`now() - interval '10 minutes'`;
    await this.estate.db.update(schema.operations).set({ wakeAt }).where(eq(schema.operations.code, code));
  }

  /** Keeps everybody else from the operation's row meanwhile. */
  async holdingRow(code: number, meanwhile: () => Promise<void>): Promise<void> {
    await this.estate.db.transaction(async (tx) => {
      await tx.select().from(schema.operations).where(eq(schema.operations.code, code)).for("update");
      await meanwhile();
    });
  }

  /** Waits until a worker waits for a lock. */
  async untilBlocked(): Promise<void> {
    const isBlocked = async () => {
      const rows = await this.estate.db.execute(sql`select 1 from pg_stat_activity
        where datname = current_database() and wait_event_type = 'Lock' and application_name = 'keyturn worker'`);
      return rows.length > 0;
    };
    await until(isBlocked, { what: "A wait for the row", timeoutMs: PATIENCE_MS });
  }

  /** Waits until the history holds so many events of the types: of the workflow's latest run, or of the one named. */
  async untilEvent(
    workflowId: string,
    types: string | readonly string[],
    { count = 1, runId }: { count?: number; runId?: string } = {},
  ): Promise<void> {
    const isThere = async () => {
      const events = await this.record(workflowId, runId).then(
        ({ history }) => history.events,
        () => [],
      );
      return events.filter(({ eventType }) => types.includes(eventType.replace("EVENT_TYPE_", ""))).length >= count;
    };
    await until(isThere, { what: `${String(types)} in ${workflowId}`, timeoutMs: PATIENCE_MS, everyMs: 100 });
  }

  /** Starts a workflow where no worker takes it: it stays open. */
  async startElsewhere(type: string, workflowId: string, input: object): Promise<void> {
    await this.temporal.workflow.start(type, { taskQueue: FAR_SITE, workflowId, args: [input] });
  }

  /** Moves the device to a site that no worker serves. */
  async moveFarAway(deviceId: string): Promise<void> {
    await this.estate.db.update(schema.devices).set({ site: FAR_SITE }).where(eq(schema.devices.id, deviceId));
  }

  /** Every password of the scene, in clear. */
  async passwords(): Promise<string[]> {
    const versions = await this.estate.db.select().from(schema.secretVersions);
    return versions.flatMap((version) => (version.sealed ? [this.estate.open(version)] : []));
  }

  /** Runs a sweep at once, and returns its history. */
  async sweep(schedule: string): Promise<RecordedHistory> {
    const before = await this.#closedOf(schedule);
    await this.temporal.schedule.getHandle(schedule).trigger();
    const ran = async () => (await this.#closedOf(schedule)).find((id) => !before.includes(id));
    await until(async () => (await ran()) !== undefined, { what: `A pass of ${schedule}`, timeoutMs: PATIENCE_MS });
    return this.record((await ran()) ?? "");
  }

  async #closedOf(schedule: string): Promise<string[]> {
    const ids: string[] = [];
    for await (const { workflowId, status } of this.temporal.workflow.list())
      if (workflowId.startsWith(schedule) && status.name === "COMPLETED") ids.push(workflowId);
    return ids;
  }

  /** History of the workflow's latest run, or of the one named. */
  async record(workflowId: string, runId?: string): Promise<RecordedHistory> {
    const history = await this.temporal.workflow.getHandle(workflowId, runId).fetchHistory();
    return { workflowId, history: JSON.parse(historyToJSON(history)) as RecordedHistory["history"] };
  }

  /** History of an operation's run that has ended, row and workflow both. */
  async recordRun(code: number, run = 1): Promise<RecordedHistory> {
    await this.estate.until(code, ENDED);
    await this.temporal.workflow.getHandle(operationWorkflowId(code, run)).result();
    return this.record(operationWorkflowId(code, run));
  }
}

/** A text that is found wherever it gets to. */
function name(what: string): string {
  return `${CANARY}-${what}-${randomBytes(6).toString("hex")}`;
}
