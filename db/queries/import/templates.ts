/** Finds the templates that rows name, by id or by name, and refuses those that cannot be chosen. */
import type { ImportColumn } from "../../../contracts/import-columns.ts";
import { isPasswordKind, type OperationKind } from "../../../contracts/states.ts";
import type { Database } from "../../client.ts";
import { templates } from "../../schema/index.ts";
import { type Draft, refuse, sameValue } from "./match.ts";
import type { CredentialCells } from "./row.ts";

type Known = Pick<typeof templates.$inferSelect, "id" | "name" | "plugin" | "kind" | "active" | "activeVersion">;

const ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

interface Place {
  readonly field: "templateId" | "reconciliationTemplateId";
  readonly column: ImportColumn;
  /** Which of several templates of one name is meant. */
  readonly kinds: readonly OperationKind[];
}

const PLACES: readonly Place[] = [
  { field: "templateId", column: "template", kinds: ["change-password", "child-password-change"] },
  {
    field: "reconciliationTemplateId",
    column: "reconciliationTemplate",
    kinds: ["reconcile-password", "change-password"],
  },
];

/** All templates without their texts: there are few, and names are compared in any case. */
export async function readTemplates(db: Database): Promise<Known[]> {
  const { id, name, plugin, kind, active, activeVersion } = templates;
  return db.select({ id, name, plugin, kind, active, activeVersion }).from(templates);
}

/** Puts ids where the row has names. A template that the row leaves as it is stored is not looked at again. */
export function resolveTemplates(draft: Draft, known: readonly Known[]): void {
  const { row, stored } = draft;
  const after: CredentialCells = { ...stored, ...row.credential };
  const same = (field: keyof CredentialCells) => stored !== undefined && sameValue(after[field], stored[field]);
  for (const place of PLACES) {
    const said = after[place.field] ?? null;
    const plugin = (place.field === "templateId" ? null : after.reconciliationPlugin) ?? after.plugin ?? "";
    if (said === null) continue;
    if (same(place.field) && same("plugin") && same("reconciliationPlugin") && same("active")) continue;
    const found = find(known, said, { plugin, place });
    if (row.credential[place.field] !== undefined && found) draft.templates[place.field] = found.id;
    check(draft, { place, plugin, found });
  }
}

function find(
  known: readonly Known[],
  said: string,
  { plugin, place }: { plugin: string; place: Place },
): Known | undefined {
  if (ID.test(said)) return known.find(({ id }) => id === said.toLowerCase());
  const named = known.filter(
    (one) => one.active && one.plugin === plugin && one.name.toLowerCase() === said.toLowerCase(),
  );
  return place.kinds.flatMap((kind) => named.filter((one) => one.kind === kind))[0];
}

function check(draft: Draft, { place, plugin, found }: { place: Place; plugin: string; found: Known | undefined }) {
  if (!found)
    refuse(draft, place.column, {
      code: "request.invalid",
      rule: "must be the id of a template, or the name of an active one of the plugin that sets a password",
    });
  else if (!found.active || found.activeVersion === null)
    refuse(draft, place.column, { code: "template.not-active", rule: "must be active, and approved" });
  else if (found.plugin !== plugin || !isPasswordKind(found.kind))
    refuse(draft, place.column, {
      code: "template.unfit",
      rule: "must be of the plugin, and of a kind that sets a password",
    });
}
