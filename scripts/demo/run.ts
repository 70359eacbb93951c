import { readFile } from "node:fs/promises";
import { Client } from "../../cli/client.ts";
import { table } from "../../cli/output/table.ts";
import type { OperationDetails } from "../../cli/api-types.ts";
import type { ChangesAccepted, Operation } from "../../contracts/operations.schema.ts";
import type { Settings } from "../../contracts/settings.schema.ts";
import { STATE_TITLES } from "../../contracts/states.ts";
import type { Keyturn } from "../supervisor/keyturn.ts";
import { followLive } from "./live-view.ts";
import { PROVEN, proveAll } from "./prove.ts";
import { type Registered, registerTarget } from "./register.ts";
import { type DemoTarget, startDemoDatabase, startDemoHost } from "./targets.ts";

/** Every target that was begun, so that each is ended, whenever the end comes. */
const begun: Promise<DemoTarget | string>[] = [];

function begin(target: Promise<DemoTarget | string>): Promise<DemoTarget | string> {
  begun.push(target);
  return target;
}

/** Ends the demo's servers. Never throws. */
export async function closeTargets(): Promise<void> {
  for (const result of await Promise.allSettled(begun))
    if (result.status === "fulfilled" && typeof result.value !== "string") await result.value.stop();
}

/** Changes the passwords of all demo accounts. @returns whether each succeeded and each new password logs in */
export async function runDemo(keyturn: Keyturn): Promise<boolean> {
  console.log("Starting a PostgreSQL server and an SSH host to change passwords on");
  const targets = await Promise.all([begin(startDemoDatabase()), begin(startDemoHost())]);
  const token = (await readFile(keyturn.adminTokenFile, "utf8")).trim();
  const api = new Client(keyturn.url, token);
  await letOnePersonWrite(api);
  const accounts: Registered[] = [];
  for (const target of targets) {
    if (typeof target === "string") console.log(`Without the SSH host: ${target}`);
    else accounts.push(...(await registerTarget(api, target)));
  }
  console.log(`Requesting a change of ${accounts.length} passwords\n`);
  const { operations, refused } = await api.post<ChangesAccepted>("v1/password-changes", {
    credentialIds: accounts.map((account) => account.id),
    reason: "demo",
  });
  for (const refusal of refused) console.log(`Refused: ${refusal.code} ${refusal.detail}`);
  const codes = operations.map((operation) => operation.code);
  const ended = codes.length === 0 ? [] : await followLive(api, codes);
  console.log("\nProving each by a fresh log-in with the revealed password, without Keyturn\n");
  const proofs = await proveAll(api, (custodian) => new Client(keyturn.url, custodian), accounts);
  console.log(await resultTable(api, ended, proofs));
  console.log(addresses(keyturn));
  return (
    refused.length === 0 &&
    ended.every((operation) => operation.state === "succeeded" && proofs.get(operation.credentialId) === PROVEN)
  );
}

/** Whoever tries the demo is alone: what they write as a template runs at once. */
async function letOnePersonWrite(api: Client): Promise<void> {
  const { answer, revision } = await api.read<Settings>("v1/settings");
  if (!answer.templateApproval) return;
  await api.patch("v1/settings", { templateApproval: false }, revision);
  console.log("In this demo templates run without a second person's approval (setting templateApproval)");
}

async function resultTable(
  api: Client,
  operations: readonly Operation[],
  proofs: ReadonlyMap<string, string>,
): Promise<string> {
  const rows = operations.map(async ({ code, target, state, outcome, credentialId }) => {
    const { attemptList } = await api.get<OperationDetails>(`v1/operations/${code}`);
    const steps = (attemptList.at(-1)?.steps ?? []).map(({ step, ms }) => `${step} ${Math.round(ms)}`).join(", ");
    const result = `${STATE_TITLES[state]}${outcome ? ` (${outcome})` : ""}`;
    return [`${target.username}@${target.device}`, code, steps, result, proofs.get(credentialId) ?? "not tried"];
  });
  return table(["ACCOUNT", "CODE", "STEPS (MS)", "RESULT", "NEW PASSWORD"], await Promise.all(rows));
}

function addresses({ url, docsUrl, temporalUiUrl }: Keyturn): string {
  const lines = [`API            ${url}`, `API reference  ${docsUrl}`];
  if (temporalUiUrl !== undefined) lines.push(`Temporal UI    ${temporalUiUrl}`);
  return `${lines.join("\n")}\n`;
}
