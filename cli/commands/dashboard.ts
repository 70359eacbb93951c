import type { Command } from "commander";
import type { Dashboard } from "../api-types.ts";
import type { Columns } from "../output/print.ts";
import type { Session } from "../session.ts";
import type { Start } from "./shared.ts";

type Counts = Pick<
  Dashboard["sites"][number],
  "site" | "total" | "managed" | "notManaged" | "updated" | "expired" | "waiting" | "error"
>;

const COLUMNS: Columns<Counts> = {
  SITE: ({ site }) => site,
  CREDENTIALS: ({ total }) => total,
  MANAGED: ({ managed }) => managed,
  "NOT MANAGED": ({ notManaged }) => notManaged,
  UPDATED: ({ updated }) => updated,
  EXPIRED: ({ expired }) => expired,
  WAITING: ({ waiting }) => waiting,
  ERROR: ({ error }) => error,
};

async function show({ api, print }: Session): Promise<void> {
  const dashboard = await api.get<Dashboard>("v1/dashboard");
  if (print.format !== "table") return print.item(dashboard, {});
  print.items([...dashboard.sites, { ...dashboard, site: "all" }], COLUMNS);
  const days = dashboard.successes.filter(({ changes }) => changes > 0);
  if (days.length > 0) print.more(days, { DAY: ({ day }) => day, SUCCEEDED: ({ changes }) => changes });
  if (dashboard.oldestOverdueSeconds > 0)
    print.hint(`The oldest change that is due has waited ${Math.round(dashboard.oldestOverdueSeconds / 60)} minutes.`);
}

/** `keyturn dashboard` */
export function addDashboardCommand(program: Command, start: Start): void {
  program
    .command("dashboard")
    .description("how the credentials stand, by site, and what succeeded in the last 30 days")
    .action(start(show));
}
