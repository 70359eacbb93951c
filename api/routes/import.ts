import type { FastifyInstance } from "fastify";
import { IMPORT_BYTES, ImportFile, ImportQuery, ImportReport } from "../../contracts/import.schema.ts";
import { SecretUnreadable } from "../../crypto/envelope.ts";
import { type Actor, auditObject } from "../../db/queries/audit.ts";
import { hasWork, planImport } from "../../db/queries/import/plan.ts";
import type { OpenStored } from "../../db/queries/import/wanted.ts";
import { writeImport } from "../../db/queries/import/write.ts";
import type { ApiDeps } from "../deps.ts";
import { decode, readCsv } from "../import/csv.ts";
import { makeReport } from "../import/report.ts";
import { readRow } from "../import/rows.ts";
import { routeAdder } from "../route.ts";

const CSV = "text/csv";

/** In a scope of its own: here a body is CSV and nothing else, and it may be larger. */
export async function addImportRoute(app: FastifyInstance, deps: ApiDeps): Promise<void> {
  await app.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser(CSV, { parseAs: "buffer" }, async (_request: unknown, body: Buffer) => decode(body));
    routeAdder(
      scope,
      deps,
    )({
      method: "POST",
      url: "/v1/import",
      id: "importFile",
      tag: "administration",
      summary: "Register and edit devices and accounts from a CSV file; `dryRun` first says what would be done",
      permission: "administer",
      query: ImportQuery,
      body: ImportFile,
      consumes: { type: CSV, bytes: IMPORT_BYTES },
      answer: ImportReport,
      refusals: ["import.malformed"],
      handle: ({ body, query, actor }) => importFile(deps, { text: body, dryRun: query.dryRun ?? false, actor }),
    });
  });
}

async function importFile(
  deps: ApiDeps,
  { text, dryRun, actor }: { text: string; dryRun: boolean; actor: Actor },
): Promise<ImportReport> {
  const rows = (await readCsv(text)).map(readRow);
  const { drafts, plans } = await planImport(deps.db, rows, { plugins: deps.plugins, open: openWith(deps) });
  if (!dryRun)
    await writeImport(deps.db, plans.filter(hasWork), {
      actor,
      seal: (password, binding) => deps.vault.seal(password, binding),
      wake: (operations) => deps.orchestrator.signal(operations, "wake"),
    });
  const report = makeReport(drafts, plans, dryRun);
  const { rows: _rows, dryRun: _dryRun, ...counts } = report;
  // A dry run compares passwords with the stored ones: that is not done unseen.
  const passwords = rows.filter(({ password }) => password).length;
  await auditObject(deps.db, actor, {
    action: dryRun ? "import.checked" : "import.finished",
    objectType: "import",
    objectId: actor.requestId ?? "",
    details: { ...counts, passwords },
  });
  return report;
}

/** A value that no key here opens cannot be lost by storing the one of the file. */
function openWith({ vault }: ApiDeps): OpenStored {
  return (sealed, binding) => {
    try {
      return vault.open(sealed, binding);
    } catch (error) {
      if (error instanceof SecretUnreadable) return undefined;
      throw error;
    }
  };
}
