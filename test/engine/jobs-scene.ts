/** Jobs on a private sshd: templates as rows, requests as the API makes them, and what the accounts there are really. */
import { randomBytes } from "node:crypto";
import { Client, Connection } from "@temporalio/client";
import { jobPlugins } from "../../api/job-plugins.ts";
import { wakeOperation } from "../../activities/starts.ts";
import type { OperationAction, OperationKind } from "../../contracts/states.ts";
import { newId } from "../../db/new-id.ts";
import { type EphemeralRequest, requestEphemeral } from "../../db/queries/ephemeral.ts";
import { type JobRequest, requestJob } from "../../db/queries/jobs.ts";
import * as schema from "../../db/schema/index.ts";
import { PLUGINS } from "../../plugins/registry.ts";
import { type SshTarget, startSshTarget } from "../../scripts/targets/sshd.ts";
import type { Estate } from "../helpers/estate.ts";

const actor = { actor: "test", person: "tester" };
const plugins = jobPlugins(
  PLUGINS.map(({ kind, title, capabilities, language }) => ({
    kind,
    title,
    capabilities: { ...capabilities, operations: [...capabilities.operations] },
    ...(language ? { language } : {}),
    parseSettings: () => [],
  })),
);

/** One line typed by root at its prompt, and the prompt after it when it went well. */
export function typed(line: string): string {
  return `set-read-timeout 15\nexpect-regex "/# $/"\nexec "${line} && echo went-\\"well\\""\nexpect "*went-well*"\nend\n`;
}

export class JobScene {
  readonly ssh: SshTarget;
  readonly #rootPassword: string;
  #count = 0;

  private constructor(ssh: SshTarget, rootPassword: string) {
    this.ssh = ssh;
    this.#rootPassword = rootPassword;
  }

  static async open(): Promise<JobScene> {
    const rootPassword = `Root-${randomBytes(8).toString("hex")}`;
    return new JobScene(await startSshTarget({ users: [], rootPassword }), rootPassword);
  }

  close(): Promise<void> {
    return this.ssh.stop();
  }

  /** The device, and root's credential on it. */
  async register(estate: Estate, options: { port?: number; permits?: number } = {}) {
    const { port = this.ssh.port, permits = 10 } = options;
    const { address, fingerprint: pinnedIdentity } = this.ssh;
    const deviceId = await estate.addDevice({ address, port, pinnedIdentity, permits });
    const rootId = await estate.addCredential({
      deviceId,
      plugin: "ssh",
      username: "root",
      password: this.#rootPassword,
    });
    return { deviceId, rootId };
  }

  async addTemplate(estate: Estate, kind: OperationKind, body: string): Promise<string> {
    const id = newId();
    await estate.db
      .insert(schema.templates)
      .values({ id, name: `template ${id}`, plugin: "ssh", kind, activeVersion: 1 });
    await estate.db.insert(schema.templateVersions).values({ templateId: id, version: 1, body, author: "tester" });
    return id;
  }

  async request(estate: Estate, job: Pick<JobRequest, "kind" | "templateId"> & Partial<JobRequest>): Promise<number> {
    const request: JobRequest = { parameters: {}, reason: "", actor, plugins, ...job };
    return (await estate.db.transaction((tx) => requestJob(tx, request))).code;
  }

  requestEphemeral(
    estate: Estate,
    request: Pick<EphemeralRequest, "deviceId" | "authenticationCredentialId" | "templateId" | "ephemeral"> &
      Partial<EphemeralRequest>,
  ) {
    return estate.db.transaction((tx) =>
      requestEphemeral(tx, { parameters: {}, reason: "", actor, plugins, ...request }),
    );
  }

  /** Acts as a person through the API: what is to be told to the operation's workflow is told. */
  async act(estate: Estate, action: OperationAction, code: number, person = "tester"): Promise<void> {
    await estate.act(action, code, person);
    const { address, namespace } = estate.surroundings.temporal;
    const connection = await Connection.connect({ address });
    await wakeOperation(new Client({ connection, namespace }), await estate.operation(code));
    await connection.close();
  }

  /** A name that no account of the target has. */
  freshName(): string {
    this.#count += 1;
    return `job${this.#count}x`;
  }

  async addAccount(name: string, password: string): Promise<void> {
    await this.ssh.run(["useradd", "-m", "-s", "/bin/bash", name]);
    await this.ssh.run(["chpasswd"], `${name}:${password}\n`);
  }

  /** The account's line in a database of the target, cut at colons; undefined when there is none. */
  async entry(database: "passwd" | "group" | "shadow", name: string): Promise<string[] | undefined> {
    const { stdout, code } = await this.ssh.run(["getent", database, name]);
    return code === 0 ? stdout.trim().split(":") : undefined;
  }
}
