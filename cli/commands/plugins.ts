import type { Command } from "commander";
import type { PluginList } from "../api-types.ts";
import type { Columns } from "../output/print.ts";
import type { Start } from "./shared.ts";

const COLUMNS: Columns<PluginList["items"][number]> = {
  KIND: ({ kind }) => kind,
  TITLE: ({ title, experimental }) => (experimental ? `${title} (experimental)` : title),
  TEMPLATE: ({ capabilities }) => capabilities.template,
  OPERATIONS: ({ capabilities }) => capabilities.operations.join(" "),
  COMMANDS: ({ template }) =>
    template?.form === "statements" ? "SQL" : template?.commands.map(({ name }) => name).join(" "),
};

/** `keyturn plugins` */
export function addPluginsCommand(program: Command, start: Start): void {
  program
    .command("plugins")
    .description("list what Keyturn can talk to; -o json shows settings and commands in full")
    .action(
      start(async ({ api, print }) => {
        print.items((await api.get<PluginList>("v1/plugins")).items, COLUMNS);
      }),
    );
}
