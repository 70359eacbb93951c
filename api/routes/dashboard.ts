import { Dashboard } from "../../contracts/dashboard.schema.ts";
import { readDashboard } from "../../db/queries/dashboard.ts";
import type { ApiDeps } from "../deps.ts";
import type { AddRoute } from "../route.ts";

export function addDashboardRoute(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "GET",
    url: "/v1/dashboard",
    id: "getDashboard",
    tag: "dashboard",
    summary: "Count credentials by how they stand, over all and by site, and successes by day",
    permission: "read",
    answer: Dashboard,
    handle: () => readDashboard(deps.db),
  });
}
