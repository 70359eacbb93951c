import type { Command } from "commander";
import type { Checked, Credential, Revealed, Stored } from "../api-types.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { findCredential, findDevice, findTemplate, splitAccount } from "../find.ts";
import { readPassword } from "../io.ts";
import { CREDENTIAL_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import { addCredentialLifeCommands } from "./credential-life.ts";
import type { Start } from "./shared.ts";
import { addRehearseCommand } from "./template.ts";

interface AddOptions {
  readonly plugin: string;
  readonly domain?: string;
  readonly info?: string;
  readonly type?: string;
  readonly automatic?: boolean;
  readonly authenticator?: string;
  readonly template?: string;
  readonly password: boolean;
}

async function passwordFrom(session: Session): Promise<string> {
  const password = await readPassword(session.io);
  if (password === undefined)
    throw new CliError(
      EXIT.notFound,
      "No password came, or the two differ.",
      "Type it twice, or give it as the first line of standard input.",
    );
  return password;
}

/** Kinds have templates of one name; what a credential names changes its password. */
function changeTemplate({ api }: Session, text: string, plugin: string) {
  return findTemplate(api, text, { plugin, kind: "change-password" });
}

async function setTemplate(session: Session, text: string, name: string | undefined): Promise<void> {
  const { id, plugin, revision } = await findCredential(session.api, text);
  const template = name === undefined ? undefined : await changeTemplate(session, name, plugin);
  const patch = { templateId: template?.id ?? null };
  session.print.item(await session.api.patch<Credential>(`v1/credentials/${id}`, patch, revision), CREDENTIAL_COLUMNS);
}

async function setTotp(session: Session, text: string, { none }: { none?: boolean }): Promise<void> {
  const { id, revision } = await findCredential(session.api, text);
  const patch = { totpSecret: none ? null : await passwordFrom(session) };
  const { hasTotp } = await session.api.patch<Credential>(`v1/credentials/${id}`, patch, revision);
  session.print.hint(hasTotp ? "A seed of one-time passwords is stored." : "No seed of one-time passwords is stored.");
}

async function add(session: Session, account: string, options: AddOptions): Promise<void> {
  const { username, device: deviceName } = splitAccount(account);
  const device = await findDevice(session.api, deviceName);
  const authenticator =
    options.authenticator === undefined ? undefined : await findCredential(session.api, options.authenticator);
  const template =
    options.template === undefined ? undefined : await changeTemplate(session, options.template, options.plugin);
  const credential = await session.api.post<Credential>("v1/credentials", {
    templateId: template?.id,
    deviceId: device.id,
    username,
    plugin: options.plugin,
    domain: options.domain,
    additionalInfo: options.info,
    type: options.type,
    automaticChange: options.automatic ?? false,
    useOwnCredential: authenticator === undefined,
    authenticationCredentialId: authenticator?.id,
    password: options.password ? await passwordFrom(session) : undefined,
  });
  session.print.item(credential, CREDENTIAL_COLUMNS);
}

async function check(session: Session, text: string): Promise<void> {
  const credential = await findCredential(session.api, text);
  const checked = await session.api.post<Checked>(`v1/credentials/${credential.id}/check`, {});
  session.print.item(checked, { VERDICT: ({ verdict }) => verdict, CODE: ({ code }) => code });
  if (checked.verdict === "rejected") session.fail(EXIT.data);
  if (checked.verdict === "unknown") session.fail(EXIT.notNow);
}

async function reveal(session: Session, text: string, options: { reason: string; version?: string }): Promise<void> {
  const credential = await findCredential(session.api, text);
  const revealed = await session.api.post<Revealed>(`v1/credentials/${credential.id}/reveal`, {
    reason: options.reason,
    ...(options.version === undefined ? {} : { version: Number(options.version) }),
  });
  // Bare in a table, so that a script can take it as it is; control characters and all.
  if (session.print.format === "table") session.io.output.write(`${revealed.password}\n`);
  else session.print.item(revealed, {});
}

async function setPassword(
  session: Session,
  text: string,
  options: { reason?: string; resolves?: boolean },
): Promise<void> {
  const credential = await findCredential(session.api, text);
  const stored = await session.api.put<Stored>(`v1/credentials/${credential.id}/password`, {
    password: await passwordFrom(session),
    ...options,
  });
  session.print.item(stored, { VERSION: ({ version }) => version });
}

interface ListOptions {
  readonly username?: string;
  readonly device?: string;
  readonly plugin?: string;
  readonly changeable?: boolean;
  readonly attention?: boolean;
  readonly all?: boolean;
}

/** `keyturn credential …` */
export function addCredentialCommands(program: Command, start: Start): void {
  const credential = program.command("credential").description("accounts on devices, with their passwords");
  credential
    .command("add <user@device>")
    .description("register an account; its present password comes from the terminal or standard input")
    .requiredOption("--plugin <kind>", "what talks to the device: postgresql, linux, …")
    .option("--domain <name>", "domain of the account")
    .option("--info <text>", "additional information: a database name, for instance")
    .option("--type <text>", "Local user, Domain user, Local administrator, …")
    .option("--automatic", "let Keyturn change its password")
    .option("--authenticator <credential>", "another credential that logs in to make the change")
    .option("--template <template>", "what the plugin is told to do; its id or name")
    .option("--no-password", "its password is not known (it then needs an authenticator)")
    .action(start(add));
  credential
    .command("list")
    .description("list credentials")
    .option("--username <text>", "part of the user name")
    .option("--device <text>", "part of the device's name")
    .option("--plugin <kind>", "what talks to the device")
    .option("--changeable", "only those whose change can be requested now")
    .option("--attention", "only those that wait for a person")
    .option("--all", "the inactive ones, too")
    .action(
      start(async ({ api, print }, { all, ...filters }: ListOptions) => {
        const active = all ? undefined : true;
        print.items((await api.list<Credential>("v1/credentials", { ...filters, active })).items, CREDENTIAL_COLUMNS);
      }),
    );
  credential
    .command("check <credential>")
    .description("log in with the stored password")
    .action(start((session, text: string) => check(session, text)));
  credential
    .command("reveal <credential>")
    .description("print the password (needs a custodian's token; it is audited)")
    .requiredOption("--reason <text>", "why; it is kept")
    .option("--version <number>", "an older one")
    .action(start(reveal));
  credential
    .command("set-password <credential>")
    .description("store a password by hand, from the terminal or standard input; the device is not contacted")
    .option("--reason <text>", "why; it is kept")
    .option("--resolves", "this settles which password the device has")
    .action(start(setPassword));
  credential
    .command("set-template <credential> [template]")
    .description("choose what the plugin is told to do; without a template none is")
    .action(start(setTemplate));
  credential
    .command("set-totp <credential>")
    .description("store the seed of its one-time passwords, from the terminal or standard input")
    .option("--none", "forget it instead")
    .action(start(setTotp));
  addRehearseCommand(credential, start);
  addCredentialLifeCommands(credential, start);
}
