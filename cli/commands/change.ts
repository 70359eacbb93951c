import type { Command } from "commander";
import { STATE_TITLES } from "../../contracts/states.ts";
import type { ChangeAnswer, Credential, Operation, Refusal } from "../api-types.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { findCredential } from "../find.ts";
import { moment } from "../options.ts";
import { OPERATION_COLUMNS, accountName } from "../output/columns.ts";
import type { Columns } from "../output/print.ts";
import type { Session } from "../session.ts";
import { waitForOperations } from "../wait.ts";
import { type Start, failUnlessSucceeded } from "./shared.ts";

interface ChangeOptions {
  readonly wait?: boolean;
  readonly at?: string;
  readonly reason?: string;
  readonly username?: string;
  readonly device?: string;
  readonly plugin?: string;
  readonly attention?: true;
}

type Accepted = ChangeAnswer["operations"][number];

function acceptedColumns(names: ReadonlyMap<string, string>): Columns<Accepted> {
  return {
    CODE: (operation) => operation.code,
    ACCOUNT: ({ credentialId }) => names.get(credentialId) ?? credentialId,
    STATE: (operation) => STATE_TITLES[operation.state],
  };
}

/** The refused ones are bad news for the person in a table, and data beside the others in JSON. */
function printRefused(session: Session, refused: readonly Refusal[], names: ReadonlyMap<string, string>): void {
  for (const refusal of refused) {
    const open = refusal.openCode === undefined ? "" : ` (operation ${refusal.openCode})`;
    session.print.hint(
      `${names.get(refusal.credentialId) ?? refusal.credentialId}: ${refusal.code}${open}. ${refusal.detail}`,
    );
  }
  if (refused.length > 0) session.fail(EXIT.data);
}

function printAnswer<Item extends Accepted | Operation>(
  session: Session,
  answer: { readonly operations: readonly Item[]; readonly refused: readonly Refusal[] },
  columns: Columns<Item>,
): void {
  if (session.print.format === "json") session.print.item(answer, {});
  else if (session.print.format === "jsonl")
    session.print.items<Item | Refusal>([...answer.operations, ...answer.refused], {});
  else if (answer.operations.length > 0) session.print.items(answer.operations, columns);
}

/** Which credentials are meant: those named, or all that the filter finds. */
async function chosen(session: Session, accounts: readonly string[], options: ChangeOptions) {
  const { username, device, plugin, attention } = options;
  const filter = { username, device, plugin, attention };
  const filtered = Object.values(filter).some((value) => value !== undefined);
  if (filtered === accounts.length > 0)
    throw new CliError(
      EXIT.usage,
      "Name credentials, or say with --username, --device, --plugin or --attention which are meant; not both.",
    );
  const credentials = new Map<string, Credential>();
  for (const account of accounts) {
    const credential = await findCredential(session.api, account);
    credentials.set(credential.id, credential);
  }
  const names = new Map([...credentials].map(([id, credential]) => [id, accountName(credential)]));
  return {
    names,
    body: filtered ? { filter: { ...filter, active: true } } : { credentialIds: [...credentials.keys()] },
  };
}

async function change(session: Session, accounts: string[], options: ChangeOptions): Promise<void> {
  const { names, body } = await chosen(session, accounts, options);
  const { operations, refused } = await session.api.post<ChangeAnswer>("v1/password-changes", {
    ...body,
    scheduledFor: options.at,
    reason: options.reason,
  });
  if (options.wait && operations.length > 0) {
    const codes = operations.map((operation) => operation.code);
    session.print.hint(
      `Waiting for ${codes.length === 1 ? `operation ${codes[0]}` : `${codes.length} operations`}; Ctrl-C stops the waiting, not the change.`,
    );
    const ended = await waitForOperations(session, codes);
    printAnswer(session, { operations: ended, refused }, OPERATION_COLUMNS);
    failUnlessSucceeded(session, ended);
  } else {
    printAnswer(session, { operations, refused }, acceptedColumns(names));
  }
  printRefused(session, refused, names);
}

/** `keyturn change …` */
export function addChangeCommand(program: Command, start: Start): void {
  program
    .command("change [credential...]")
    .description("request a password change; each credential by id or user@device, or all that a filter finds")
    .option("--username <text>", "all with this in their user name")
    .option("--device <text>", "all with this in their device's name")
    .option("--plugin <kind>", "all of this plugin")
    .option("--attention", "all that wait for a person")
    .option("--wait", "wait until every operation has ended")
    .option("--at <time>", "not before this time", moment)
    .option("--reason <text>", "why; it is kept")
    .action(start(change));
}
