/** What a template would send for a credential. No password is opened: a place holder goes through the quoting instead. */
import { randomBytes } from "node:crypto";
import type { Rendered } from "../../contracts/templates.schema.ts";
import type { readTemplateSubject } from "../../db/queries/template-subject.ts";
import { checkTemplate } from "../../templates/language/check.ts";
import type { Dialect } from "../../templates/language/dialect.ts";
import { argumentContext } from "../../templates/language/legal.ts";
import { CannotCarry, carriesNewPassword, renderText } from "../../templates/language/render.ts";
import type { Command, TagName, TagValues } from "../../templates/language/script.ts";
import type { PluginInfo } from "../deps.ts";
import { dialectOf, type TemplateText } from "./check-body.ts";

type Subject = Awaited<ReturnType<typeof readTemplateSubject>>;

/** Renders every command of a text, one that is refused too: as far as it could be read. */
export function renderDry(plugins: readonly PluginInfo[], text: TemplateText, subject: Subject): Rendered {
  const dialect = dialectOf(plugins, text.plugin);
  const { script, complaints } = checkTemplate({ ...text, dialect });
  const holders = new PlaceHolders(known(subject));
  return {
    plugin: text.plugin,
    complaints,
    items: script.commands.map((command) => renderCommand(command, dialect, holders)),
  };
}

function renderCommand(command: Command, dialect: Dialect, holders: PlaceHolders): Rendered["items"][number] {
  const values = holders.valuesFor(command);
  let problem: string | null = null;
  const rendered = command.args.map((arg, index) => {
    try {
      return holders.show(renderText(arg, values, argumentContext(command, index, dialect), dialect.sql));
    } catch (error) {
      if (!(error instanceof CannotCarry)) throw error;
      problem = error.message;
      return arg.map((part) => (typeof part === "string" ? part : `<${part.tag}>`)).join("");
    }
  });
  const { line, name } = command;
  return { line, command: name, arguments: rendered, newPassword: carriesNewPassword(command), problem };
}

function known({ account, login, device }: Subject): TagValues {
  return {
    USERNAME: account.username,
    ADD_INFO: account.additionalInfo,
    AUTH_USER: login.username,
    AUTH_DOMAIN: login.domain,
    IP: device.address,
    CONNECT_IP: device.address,
    ...(device.port !== null && { CONNECT_PORT: String(device.port) }),
    HOSTNAME: device.name,
    DOMAIN: device.domain,
    SERVER_PATH: device.url,
  };
}

/** Stand for what is secret, or known only when it runs. Letters and digits pass every quoting as they are. */
class PlaceHolders {
  readonly #known: TagValues;
  readonly #mark = `m${randomBytes(8).toString("hex")}n`;
  readonly #tags: TagName[] = [];

  constructor(values: TagValues) {
    this.#known = values;
  }

  valuesFor(command: Command): TagValues {
    const tags = command.args.flat().flatMap((part) => (typeof part === "string" ? [] : [part.tag]));
    return { ...Object.fromEntries(tags.map((tag) => [tag, this.#holder(tag)])), ...this.#known };
  }

  show(text: string): string {
    return text.replaceAll(
      new RegExp(`${this.#mark}(\\d+)m`, "gi"),
      (_, index: string) => `<${this.#tags[Number(index)]}>`,
    );
  }

  #holder(tag: TagName): string {
    if (!this.#tags.includes(tag)) this.#tags.push(tag);
    return `${this.#mark}${this.#tags.indexOf(tag)}m`;
  }
}
