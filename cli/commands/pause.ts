import type { Command } from "commander";
import type { Site } from "../api-types.ts";
import { SITE_COLUMNS } from "../output/columns.ts";
import type { Session } from "../session.ts";
import type { Start } from "./shared.ts";

interface Settings {
  readonly automaticPaused: boolean;
}

async function setPaused(session: Session, automaticPaused: boolean): Promise<void> {
  const { revision } = await session.api.read<Settings>("v1/settings");
  const settings = await session.api.patch<Settings>("v1/settings", { automaticPaused }, revision);
  session.print.item(settings, { "AUTOMATIC CHANGES": ({ automaticPaused: paused }) => (paused ? "paused" : "on") });
}

/** `keyturn pause`, `keyturn resume`, `keyturn site …` */
export function addPauseCommands(program: Command, start: Start): void {
  program
    .command("pause")
    .description("start no automatic change anywhere; requests by people are not held")
    .action(start((session) => setPaused(session, true)));
  program
    .command("resume")
    .description("let automatic changes start again, but for paused sites and policies")
    .action(start((session) => setPaused(session, false)));
  const site = program.command("site").description("network zones with workers of their own");
  site
    .command("list")
    .description("list the sites that devices name")
    .action(
      start(async ({ api, print }) => {
        print.items((await api.get<{ items: Site[] }>("v1/sites")).items, SITE_COLUMNS);
      }),
    );
  site
    .command("pause <site>")
    .description("start no automatic change there any more")
    .requiredOption("--reason <text>", "why; it is kept")
    .action(
      start(async ({ api, print }, name: string, body: { reason: string }) => {
        print.item(await api.post<Site>(`v1/sites/${encodeURIComponent(name)}/pause`, body), SITE_COLUMNS);
      }),
    );
  site
    .command("resume <site>")
    .description("let its automatic changes go on")
    .action(
      start(async ({ api, print }, name: string) => {
        print.item(await api.post<Site>(`v1/sites/${encodeURIComponent(name)}/resume`, {}), SITE_COLUMNS);
      }),
    );
}
