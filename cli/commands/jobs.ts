/** Operations that run a template of their kind, and accounts that are made for a time. */
import { Argument, type Command, InvalidArgumentError } from "commander";
import { isJob, OPERATION_KINDS, type OperationKind } from "../../contracts/states.ts";
import type { Operation, RequestedOperation } from "../api-types.ts";
import { findCredential, findDevice, findTemplate } from "../find.ts";
import { duration, moment } from "../options.ts";
import { OPERATION_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import { waitForOperations } from "../wait.ts";
import { failUnlessSucceeded, type Start } from "./shared.ts";

const KINDS = OPERATION_KINDS.filter(
  (kind) => isJob({ kind, givesPassword: false }) && kind !== "ephemeral-credential-removal",
);

const REVEAL = "Once it has succeeded, `keyturn credential reveal` shows the password.";

type Parameters = Readonly<Record<string, string>>;

/** Gathers `name=value`. */
function parameter(text: string, before: Parameters = {}): Parameters {
  const at = text.indexOf("=");
  if (at < 1) throw new InvalidArgumentError("Write name=value.");
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

interface CommonOptions {
  readonly template: string;
  readonly login?: string;
  readonly parameter?: Parameters;
  readonly at?: string;
  readonly reason?: string;
  readonly wait?: boolean;
}

interface JobOptions extends CommonOptions {
  readonly credential?: string;
  readonly device?: string;
}

/** What the requests of both have in common. */
async function commonBody({ api }: Session, kind: OperationKind, options: CommonOptions) {
  return {
    kind,
    templateId: (await findTemplate(api, options.template, { kind })).id,
    authenticationCredentialId: options.login && (await findCredential(api, options.login)).id,
    parameters: options.parameter,
    scheduledFor: options.at,
    reason: options.reason,
  };
}

/** Shows the operations, at once or when the first of them has ended. */
async function follow(session: Session, codes: readonly [number, ...number[]], wait: boolean | undefined) {
  const ended = wait ? await waitForOperations(session, [codes[0]]) : [];
  const { items } = await session.api.list<Operation>("v1/operations", { code: codes, sort: "code" });
  session.print.items(items, OPERATION_COLUMNS);
  failUnlessSucceeded(session, ended);
}

async function create(session: Session, kind: OperationKind, options: JobOptions): Promise<void> {
  const { api } = session;
  const opened = await api.post<RequestedOperation>("v1/operations", {
    ...(await commonBody(session, kind, options)),
    deviceId: options.device && (await findDevice(api, options.device)).id,
    credentialId: options.credential && (await findCredential(api, options.credential)).id,
  });
  if (opened.givesPassword) session.print.hint(REVEAL);
  await follow(session, [opened.code], options.wait);
}

interface EphemeralOptions extends CommonOptions {
  readonly removal: string;
  readonly for: number;
  readonly username?: string;
  readonly pattern?: string;
  readonly domain?: string;
  readonly info?: string;
}

async function createEphemeral(session: Session, device: string, options: EphemeralOptions): Promise<void> {
  const { api, print } = session;
  const removal = await findTemplate(api, options.removal, { kind: "ephemeral-credential-removal" });
  const opened = await api.post<RequestedOperation>("v1/operations", {
    ...(await commonBody(session, "ephemeral-credential-creation", options)),
    deviceId: (await findDevice(api, device)).id,
    ephemeral: {
      lifetimeMinutes: options.for,
      removalTemplateId: removal.id,
      username: options.username,
      usernamePattern: options.pattern,
      domain: options.domain,
      additionalInfo: options.info,
    },
  });
  print.hint(`Its credential is ${opened.credentialId}. ${REVEAL}`);
  await follow(session, [opened.code, ...(opened.removalCode === undefined ? [] : [opened.removalCode])], options.wait);
}

function addCommonOptions(command: Command): Command {
  return command
    .requiredOption("--template <template>", "id or name of the template that it runs")
    .option("--parameter <name=value>", "a value for a tag of the template; may be repeated", parameter)
    .option("--at <time>", "not before this time", moment)
    .option("--reason <text>", "why; it is kept")
    .option("--wait", "wait until the operation has ended");
}

/** `keyturn operations create …` */
export function addJobCommand(operations: Command, start: Start): void {
  const command = operations
    .command("create")
    .addArgument(new Argument("<kind>", "what kind of operation").choices(KINDS))
    .description("request an operation that runs a template: users, groups, activation, tasks")
    .option(
      "--credential <credential>",
      "the account it is about, by id or, while it is active, user@device; its settings say who logs in, and a password that the template gives is its own then",
    )
    .option("--login <credential>", "else the account that logs in")
    .option("--device <device>", "and where, by id or name");
  addCommonOptions(command).action(start(create));
}

/** `keyturn ephemeral …` */
export function addEphemeralCommands(program: Command, start: Start): void {
  const ephemeral = program.command("ephemeral").description("accounts that are made for a time");
  const command = ephemeral
    .command("create <device>")
    .description("make an account that is removed when its time is over")
    .requiredOption("--login <credential>", "the account that makes and removes it, by id or user@device")
    .requiredOption("--removal <template>", "id or name of the template that removes it")
    .requiredOption("--for <time>", "how long it lives, such as 90m, 8h or 2d", duration)
    .option("--username <name>", "its user name")
    .option("--pattern <pattern>", "or a name in which each # becomes a letter or digit")
    .option("--domain <domain>", "its domain, where it has one")
    .option("--info <text>", "additional information, such as a database's name");
  addCommonOptions(command).action(start(createEphemeral));
}
