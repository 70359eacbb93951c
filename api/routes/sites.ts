import { z } from "zod";
import { SiteName } from "../../contracts/devices.schema.ts";
import { PauseInput, Site, SiteList } from "../../contracts/policies.schema.ts";
import { auditObject } from "../../db/queries/audit.ts";
import { pauseSite } from "../../db/queries/pauses.ts";
import { listSites, readSite } from "../../db/queries/sites.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";
import { wakePaused } from "../wake-waiting.ts";

const tag = "sites";
const params = z.strictObject({ name: SiteName });
const objectType = "site";

export function addSiteRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/sites",
    id: "listSites",
    tag,
    summary: "List the sites that devices name",
    permission: "read",
    answer: SiteList,
    handle: async () => ({ items: await listSites(deps.db) }),
  });
  add({
    method: "POST",
    url: "/v1/sites/:name/pause",
    id: "pauseSite",
    tag,
    summary: "Stop the automatic changes of a site; what runs goes on, and requests by people are not held",
    permission: "administer",
    params,
    body: PauseInput,
    answer: Site,
    refusals: ["request.not-found"],
    handle: ({ params: { name }, body: { reason }, actor, transact }) =>
      transact(async (tx) => {
        await readSite(tx, name);
        await pauseSite(tx, name, reason);
        await auditObject(tx, actor, { action: "site.paused", objectType, objectId: name, details: { reason } });
        return readSite(tx, name);
      }),
  });
  add({
    method: "POST",
    url: "/v1/sites/:name/resume",
    id: "resumeSite",
    tag,
    summary: "Let the automatic changes of a site go on",
    permission: "administer",
    params,
    answer: Site,
    refusals: ["request.not-found"],
    async handle({ params: { name }, actor, transact }) {
      const site = await transact(async (tx) => {
        await readSite(tx, name);
        await pauseSite(tx, name);
        await auditObject(tx, actor, { action: "site.resumed", objectType, objectId: name });
        return readSite(tx, name);
      });
      await wakePaused(deps, { site: name });
      return site;
    },
  });
}
