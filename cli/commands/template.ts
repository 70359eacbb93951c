import type { Command } from "commander";
import type { Rehearsal, RenderedTemplate, Template, TemplateDetails, TemplateVersion } from "../api-types.ts";
import { CliError, EXIT } from "../exit-codes.ts";
import { findCredential, findTemplate } from "../find.ts";
import { TEMPLATE_COLUMNS, TEMPLATE_VERSION_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import { readOne } from "../template-files.ts";
import type { Start } from "./shared.ts";
import { addTemplateFileCommands } from "./template-files.ts";

interface ListOptions {
  readonly name?: string;
  readonly plugin?: string;
  readonly kind?: string;
  readonly pending?: boolean;
  readonly all?: boolean;
}

async function show(session: Session, text: string, { pending = false }: { pending?: boolean }): Promise<void> {
  const { id } = await findTemplate(session.api, text);
  const details = await session.api.get<TemplateDetails>(`v1/templates/${id}`);
  if (session.print.format !== "table") return session.print.item(details, {});
  session.print.item(details, TEMPLATE_COLUMNS);
  const body = pending ? details.latestBody : (details.activeBody ?? details.latestBody);
  session.io.output.write(`\n${body}${body.endsWith("\n") ? "" : "\n"}`);
  session.print.hint(`${details.useCount} active credential${details.useCount === 1 ? " uses" : "s use"} it.`);
}

async function history(session: Session, text: string): Promise<void> {
  const { id } = await findTemplate(session.api, text);
  const { items } = await session.api.list<TemplateVersion>(`v1/templates/${id}/versions`, {});
  session.print.items(items, TEMPLATE_VERSION_COLUMNS);
  if (session.print.format !== "table") return;
  for (const { diff } of items) if (diff !== "") session.io.output.write(`\n${diff}`);
}

function decide(verb: "approve" | "reject") {
  return async (session: Session, text: string, options: { version?: string; comment?: string }): Promise<void> => {
    const { id, latestVersion } = await findTemplate(session.api, text);
    const version = options.version ?? latestVersion;
    const { comment } = options;
    const decided = await session.api.post<Template>(`v1/templates/${id}/versions/${version}/${verb}`, { comment });
    session.print.item(decided, TEMPLATE_COLUMNS);
  };
}

async function edit(session: Session, text: string, options: { name?: string; file?: string }): Promise<void> {
  const { id, revision } = await findTemplate(session.api, text);
  const body = options.file === undefined ? undefined : (await readOne(options.file)).body;
  const patch = { name: options.name, body };
  session.print.item(await session.api.patch<TemplateDetails>(`v1/templates/${id}`, patch, revision), TEMPLATE_COLUMNS);
}

async function setActive(session: Session, text: string, active: boolean): Promise<void> {
  const { id, revision } = await findTemplate(session.api, text);
  const edited = await session.api.patch<TemplateDetails>(`v1/templates/${id}`, { active }, revision);
  session.print.item(edited, TEMPLATE_COLUMNS);
}

interface RunOptions {
  readonly template: string;
  readonly credential: string;
  readonly dry?: true;
  readonly file?: string;
}

async function run(session: Session, options: RunOptions): Promise<void> {
  if (!options.dry)
    throw new CliError(
      EXIT.usage,
      "A template runs in a change: `keyturn change`.",
      "Give --dry to see what would be sent; `keyturn credential rehearse` goes up to the first password.",
    );
  const { id } = await findTemplate(session.api, options.template);
  const credential = await findCredential(session.api, options.credential);
  const body = options.file === undefined ? undefined : (await readOne(options.file)).body;
  const given = { credentialId: credential.id, body };
  const rendered = await session.api.post<RenderedTemplate>(`v1/templates/${id}/render`, given);
  if (session.print.format !== "table") session.print.item(rendered, {});
  else
    session.print.items(rendered.items, {
      LINE: ({ line }) => line,
      COMMAND: ({ command }) => command,
      // As a text is written in a program: what is sent may hold line ends.
      SENT: ({ arguments: sent }) => sent.map((text) => JSON.stringify(text)).join(" "),
      PROBLEM: ({ problem }) => problem,
    });
  for (const { line, severity, message } of rendered.complaints)
    session.print.hint(`Line ${line}: ${severity}: ${message}`);
  const refused = rendered.complaints.some(({ severity }) => severity === "refusal");
  if (refused || rendered.items.some(({ problem }) => problem !== null)) session.fail(EXIT.data);
}

async function rehearse(session: Session, text: string): Promise<void> {
  const { id } = await findCredential(session.api, text);
  const rehearsal = await session.api.post<Rehearsal>(`v1/credentials/${id}/rehearse`, {});
  if (session.print.format === "table") session.io.output.write(rehearsal.transcript);
  else session.print.item(rehearsal, {});
  const { code, stoppedBefore } = rehearsal;
  if (code !== "rehearsed") {
    session.print.hint(`It failed: ${code}.`);
    session.fail(EXIT.notNow);
  } else if (stoppedBefore === null) session.print.hint("It was run to its end: no line carries a password.");
  else
    session.print.hint(
      `Stopped before line ${stoppedBefore}: it carries a password, or would change what cannot be undone.`,
    );
}

/** `keyturn credential rehearse` */
export function addRehearseCommand(credential: Command, start: Start): void {
  credential
    .command("rehearse <credential>")
    .description(
      "log in and run its template up to the line before the first password; lines before it are really sent",
    )
    .action(start(rehearse));
}

/** `keyturn template …` */
export function addTemplateCommands(program: Command, start: Start): void {
  const template = program
    .command("template")
    .description("what is sent to devices, in the language of docs/templates.md");
  template
    .command("list")
    .description("list templates")
    .option("--name <text>", "part of the name")
    .option("--plugin <kind>", "what talks to the device")
    .option("--kind <kind>", "change-password, user-creation, …")
    .option("--pending", "only those whose latest version waits for a second person")
    .option("--all", "those that are switched off, too")
    .action(
      start(async ({ api, print }, { all, ...filters }: ListOptions) => {
        const query = { ...filters, active: all ? undefined : true };
        print.items((await api.list<Template>("v1/templates", query)).items, TEMPLATE_COLUMNS);
      }),
    );
  template
    .command("show <template>")
    .description("print the text that runs, and how many use it")
    .option("--pending", "the latest text instead")
    .action(start(show));
  template.command("history <template>").description("who wrote what, when, and what changed").action(start(history));
  for (const verb of ["approve", "reject"] as const)
    template
      .command(`${verb} <template>`)
      .description(`${verb} the latest version; not for who wrote it`)
      .option("--version <number>", "the version that was looked at; refused when it is not the latest any more")
      .option("--comment <text>", "why; it is kept")
      .action(start(decide(verb)));
  template
    .command("edit <template>")
    .description("give it another name, or another text: a new version")
    .option("--name <text>", "its new name")
    .option("--file <path>", "its new text")
    .action(start(edit));
  for (const active of [true, false])
    template
      .command(`${active ? "enable" : "disable"} <template>`)
      .description(
        active ? "let it be chosen again; name it by its id" : "let nobody choose it; refused while it is in use",
      )
      .action(start((session, text: string) => setActive(session, text, active)));
  template
    .command("run")
    .description("with --dry: show what would be sent for a credential, passwords by name; no device is touched")
    .requiredOption("--template <template>", "its id or name")
    .requiredOption("--credential <credential>", "its id, or user@device")
    .option("--dry", "only this is there")
    .option("--file <path>", "a text that is not saved instead of the latest version")
    .action(start(run));
  addTemplateFileCommands(template, start);
}
