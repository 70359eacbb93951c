/** From a template's text to what a plugin carries out: read once, bound to the values of one execution. */
import { totpBinding, totpToken } from "../crypto/totp.ts";
import { TAG_OF_PARAMETER } from "../contracts/job-parameters.ts";
import type { Secret } from "../contracts/secret.ts";
import type { Vault } from "../crypto/envelope.ts";
import type { Authenticator, DeviceRow } from "../db/queries/stage-facts.ts";
import type { TemplateText } from "../db/queries/template-text.ts";
import type { Account, Plugin } from "../plugins/plugin.ts";
import { readTemplate } from "../templates/language/read.ts";
import { carriesNewPassword } from "../templates/language/render.ts";
import { type BoundScript, type Script, SENDS, type TagName, type TagValues } from "../templates/language/script.ts";

/** Texts never change under their version, so each is read once. A process meets few. */
const scripts = new Map<string, Script>();

/** What a template says; undefined when there is none, or the plugin takes none. */
export function scriptOf(plugin: Plugin, template: TemplateText | null): Script | undefined {
  if (!template || !plugin.language) return undefined;
  const key = `${plugin.kind}/${template.id}/${template.version}`;
  const script = scripts.get(key) ?? readTemplate(template.body, plugin.language).script;
  scripts.set(key, script);
  return script;
}

/** Longest time that a template's own pauses add to what its run may take: the whole change has a limit, too. */
const LONGEST_PAUSES_MS = 60_000;

/** How long a template sleeps by its own will. Milliseconds. */
export function pausesMs(bound: BoundScript | undefined): number {
  const sleeps = (bound?.script.commands ?? []).filter(({ name }) => name === "sleep");
  const seconds = sleeps.map(({ args: [text] }) => Number(text?.[0] ?? 0)).filter((count) => count > 0);
  return Math.min(
    seconds.reduce((sum, count) => sum + count * 1000, 0),
    LONGEST_PAUSES_MS,
  );
}

/**
 * What nobody knows to have been done when a change broke off and its password is found right: the lines that are typed
 * after the last one with a new password.
 */
export function linesAfterPassword({ commands }: Script): number[] {
  const last = commands.findLastIndex((command) => SENDS.has(command.name) && carriesNewPassword(command));
  const after = last < 0 ? [] : commands.slice(last + 1);
  return after.flatMap(({ name, line }) => (SENDS.has(name) ? [line] : []));
}

/** Whose values the tags stand for. */
export interface TagFacts {
  readonly device: DeviceRow;
  /** The account that is changed. */
  readonly account: Account;
  /** The account that logs in, with its password. */
  readonly authenticator: Authenticator;
  readonly password: Secret;
  readonly next?: Secret | undefined;
  readonly current?: Secret | undefined;
  /** Code of the operation. */
  readonly code?: number | undefined;
  /** What the request gave. */
  readonly parameters?: Readonly<Record<string, string>>;
}

/** A template with the values of one execution; undefined when there is none, or the plugin takes none. */
export function bindScript(
  plugin: Plugin,
  template: TemplateText | null,
  { vault, facts }: { vault: Vault; facts: TagFacts },
): BoundScript | undefined {
  const script = scriptOf(plugin, template);
  return script && { script, values: tagValues(vault, facts) };
}

function tagValues(vault: Vault, facts: TagFacts): TagValues {
  const { device, account, authenticator, password, next, current, code, parameters = {} } = facts;
  const { id, totpSealed } = authenticator;
  return {
    ...parameterValues(parameters),
    USERNAME: account.username,
    ADD_INFO: account.additionalInfo,
    AUTH_USER: authenticator.username,
    AUTH_DOMAIN: authenticator.domain,
    AUTH_PASSWORD: password,
    COE_SENHA: password,
    IP: device.address,
    CONNECT_IP: device.address,
    ...(device.port !== null && { CONNECT_PORT: String(device.port) }),
    HOSTNAME: device.name,
    DOMAIN: device.domain,
    SERVER_PATH: device.url,
    ...(next && { NEW_PASSWORD: next, PASSWORD: next }),
    ...(current && { CURRENT_PASSWORD: current }),
    ...(totpSealed && { TOTP_TOKEN: () => totpToken(vault.open(totpSealed, totpBinding(id))) }),
    ...(code !== undefined && { OPERACAO_COD: String(code) }),
  };
}

/** What is said beside them of a request stands for no tag. */
function parameterValues(parameters: Readonly<Record<string, string>>): TagValues {
  const tags = Object.entries(TAG_OF_PARAMETER) as [keyof typeof TAG_OF_PARAMETER, TagName][];
  return Object.fromEntries(
    tags.flatMap(([name, tag]) => {
      const value = parameters[name];
      return value === undefined ? [] : [[tag, value]];
    }),
  );
}
