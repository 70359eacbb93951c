/** What comes in the life of a password, beside its change. */
import type { Command } from "commander";
import type {
  Child,
  Credential,
  CredentialDetails,
  Expired,
  Opened,
  Operation,
  Stored,
  Version,
} from "../api-types.ts";
import { EXIT } from "../exit-codes.ts";
import { findCredential } from "../find.ts";
import { moment, wholeNumber } from "../options.ts";
import { CHILD_COLUMNS, CREDENTIAL_COLUMNS, OPERATION_COLUMNS, VERSION_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import { waitForOperations } from "../wait.ts";
import { failUnlessSucceeded, type Start } from "./shared.ts";

async function show({ api, print }: Session, text: string): Promise<void> {
  const { id } = await findCredential(api, text);
  const credential = await api.get<CredentialDetails>(`v1/credentials/${id}`);
  print.item(credential, CREDENTIAL_COLUMNS);
  if (print.format !== "table") return;
  const { policy, otherPolicies, nextChangeAt, nextTrigger, lastCheck, lastCheckSince } = credential;
  const why = policy?.why.map(({ criterion, value }) => `${criterion} ${value}`).join(", ");
  const facts = {
    policy: policy?.name ?? "none: it changes on request only",
    "policy holds by": why === "" ? "it has no criteria" : why,
    "would hold next": otherPolicies.map(({ name }) => name).join(", "),
    "changes next": nextChangeAt && `${nextChangeAt} by ${nextTrigger}`,
    "not by itself before": credential.automaticNotBefore,
    "not by itself for": credential.automaticRefusal,
    "latest change failed": credential.lastFailure,
    "latest check": lastCheck && `${lastCheck} since ${lastCheckSince}`,
  };
  const told = Object.entries(facts).filter(([, value]) => value);
  print.more(told, { FACT: ([name]) => name, VALUE: ([, value]) => value });
}

async function children(session: Session, text: string | undefined, { stale }: { stale?: boolean }): Promise<void> {
  const { api, print } = session;
  const path =
    text === undefined ? "v1/children/stale" : `v1/credentials/${(await findCredential(api, text)).id}/children`;
  const { items } = await api.list<Child>(path, {});
  print.items(
    items.filter((child) => !stale || child.stale),
    CHILD_COLUMNS,
  );
}

interface ReconcileOptions {
  readonly reason: string;
  readonly at?: string;
  readonly wait?: boolean;
}

async function reconcile(session: Session, text: string, { reason, at, wait }: ReconcileOptions): Promise<void> {
  const { id } = await findCredential(session.api, text);
  const opened = await session.api.post<Opened>(`v1/credentials/${id}/reconcile`, { reason, scheduledFor: at });
  if (wait) {
    const ended = await waitForOperations(session, [opened.code]);
    session.print.items(ended, OPERATION_COLUMNS);
    failUnlessSucceeded(session, ended);
  } else session.print.items(await readOperations(session, [opened.code]), OPERATION_COLUMNS);
}

async function readOperations({ api }: Session, codes: readonly number[]): Promise<Operation[]> {
  return (await api.list<Operation>("v1/operations", { code: codes })).items;
}

async function restore(session: Session, text: string, options: { version: number; reason: string }): Promise<void> {
  const { id, currentVersion } = await findCredential(session.api, text);
  const body = { ...options, expectedCurrent: currentVersion };
  const stored = await session.api.post<Stored>(`v1/credentials/${id}/restore`, body);
  session.print.item(stored, { VERSION: ({ version }) => version });
}

async function expire(session: Session, texts: readonly string[], { reason }: { reason?: string }): Promise<void> {
  const credentials = await Promise.all(texts.map((text) => findCredential(session.api, text)));
  const answer = await session.api.post<Expired>("v1/credentials/expire", {
    credentialIds: credentials.map(({ id }) => id),
    reason,
  });
  if (session.print.format === "table") session.print.hint(`${answer.expired.length} expired.`);
  else session.print.item(answer, {});
  for (const { credentialId, code, detail } of answer.refused)
    session.print.hint(`${credentialId}: ${code}. ${detail}`);
  if (answer.refused.length > 0) session.fail(EXIT.data);
}

/** `keyturn credential show|children|versions|restore|reconcile|session-ended|expire …` */
export function addCredentialLifeCommands(credential: Command, start: Start): void {
  credential
    .command("show <credential>")
    .description("one credential: its policy and why, when it changes next, and what the latest check said")
    .action(start(show));
  credential
    .command("children [credential]")
    .description("those that change after this one; without one: all that lack their parent's password")
    .option("--stale", "only those that lack its password")
    .action(start(children));
  credential
    .command("versions <credential>")
    .description("the passwords it had, without their values")
    .action(
      start(async ({ api, print }, text: string) => {
        const { id } = await findCredential(api, text);
        print.items((await api.get<{ items: Version[] }>(`v1/credentials/${id}/versions`)).items, VERSION_COLUMNS);
      }),
    );
  credential
    .command("restore <credential>")
    .description("make a kept version the current one; the device is not contacted")
    .requiredOption("--version <number>", "which, as `versions` lists them", wholeNumber)
    .requiredOption("--reason <text>", "why; it is kept")
    .action(start(restore));
  credential
    .command("reconcile <credential>")
    .description("have its reconciliation account set a new password")
    .requiredOption("--reason <text>", "why; it is kept")
    .option("--at <time>", "not before this time", moment)
    .option("--wait", "wait until the operation has ended")
    .action(start(reconcile));
  credential
    .command("session-ended <credential>")
    .description("tell that a session which used the password has ended; its policy may change it")
    .option("--at <time>", "when it ended; now when absent", moment)
    .action(
      start(async ({ api, print }, text: string, { at: endedAt }: { at?: string }) => {
        const { id } = await findCredential(api, text);
        print.item(await api.post<Credential>(`v1/credentials/${id}/session-ended`, { endedAt }), CREDENTIAL_COLUMNS);
      }),
    );
  credential
    .command("expire <credential...>")
    .description("end the time of present passwords: their policies change them at once, within their windows")
    .option("--reason <text>", "why; it is kept")
    .action(start(expire));
}
