import { z } from "zod";
import { Id } from "../../contracts/common.schema.ts";
import {
  Device,
  DeviceInput,
  DevicePage,
  DevicePatch,
  DeviceQuery,
  PinInput,
  SeenIdentity,
} from "../../contracts/devices.schema.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { auditObject } from "../../db/queries/audit.ts";
import { createDevice, editDevice, listDevices, readDevice } from "../../db/queries/devices.ts";
import { readSettings } from "../../db/queries/settings.ts";
import type { ApiDeps } from "../deps.ts";
import { fieldName } from "../refused-input.ts";
import type { AddRoute } from "../route.ts";

const ById = z.strictObject({ id: Id });
const tag = "devices";
const params = ById;

export function addDeviceRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "POST",
    url: "/v1/devices",
    id: "createDevice",
    tag,
    summary: "Register a device",
    permission: "administer",
    body: DeviceInput,
    answer: Device,
    status: 201,
    kind: "makes",
    refusals: ["request.conflict"],
    async handle({ body, actor, transact }) {
      checkSettings(deps, body.settings);
      return transact(async (tx) => {
        const made = await createDevice(tx, body);
        await auditObject(tx, actor, { action: "device.created", objectType: "device", objectId: made.id });
        return made;
      });
    },
  });
  add({
    method: "GET",
    url: "/v1/devices",
    id: "listDevices",
    tag,
    summary: "List devices",
    permission: "read",
    query: DeviceQuery,
    answer: DevicePage,
    handle: ({ query }) => listDevices(deps.db, query),
  });
  add({
    method: "GET",
    url: "/v1/devices/:id",
    id: "getDevice",
    tag,
    summary: "Show a device",
    permission: "read",
    params,
    answer: Device,
    refusals: ["request.not-found"],
    handle: ({ params: { id } }) => readDevice(deps.db, id),
  });
  addEditRoute(add, deps);
  addIdentityRoutes(add, deps);
}

function addEditRoute(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "PATCH",
    url: "/v1/devices/:id",
    id: "editDevice",
    tag,
    summary: "Edit a device; another address or port clears its pin",
    permission: "administer",
    params,
    body: DevicePatch,
    answer: Device,
    kind: "edits",
    refusals: ["request.not-found", "request.conflict"],
    async handle({ params: { id }, body: patch, actor, transact, revision }) {
      const edit = { id, revision: revision(), patch };
      checkSettings(deps, patch.settings);
      return transact(async (tx) => {
        const edited = await editDevice(tx, edit);
        const details = { fields: Object.keys(patch) };
        await auditObject(tx, actor, { action: "device.edited", objectType: "device", objectId: id, details });
        return edited;
      });
    },
  });
}

function addIdentityRoutes(add: AddRoute, deps: ApiDeps): void {
  add({
    method: "PUT",
    url: "/v1/devices/:id/pin",
    id: "pinDevice",
    tag,
    summary: "Trust the host key or certificate with this fingerprint, or none",
    permission: "administer",
    params,
    body: PinInput,
    answer: Device,
    kind: "edits",
    refusals: ["request.not-found"],
    async handle({ params: { id }, body: { fingerprint }, actor, transact, revision }) {
      const edit = { id, revision: revision(), patch: { pinnedIdentity: fingerprint } };
      return transact(async (tx) => {
        const edited = await editDevice(tx, edit);
        const details = { fingerprint };
        await auditObject(tx, actor, { action: "device.pinned", objectType: "device", objectId: id, details });
        return edited;
      });
    },
  });
  add({
    method: "POST",
    url: "/v1/devices/:id/identify",
    id: "identifyDevice",
    tag,
    summary: "Ask the device for its host key or certificate; nothing trusts it until it is pinned",
    permission: "operate",
    params,
    answer: SeenIdentity,
    refusals: ["request.not-found", "target.unreachable", "target.timeout"],
    async handle({ params: { id }, actor }) {
      const { site } = await readDevice(deps.db, id);
      const { code } = await deps.orchestrator.identify({ deviceId: id, site }, await inspectionMs(deps));
      const details = { code };
      await auditObject(deps.db, actor, { action: "device.identified", objectType: "device", objectId: id, details });
      if (code !== "seen") throw new ApiProblem(code);
      const { seenIdentity, seenIdentityAt, pinnedIdentity } = await readDevice(deps.db, id);
      return { seenIdentity, seenIdentityAt, pinnedIdentity };
    },
  });
}

/** How long a person waits for a device: what the worker may take, and some time to be taken up. */
export async function inspectionMs(deps: ApiDeps): Promise<number> {
  const { connectTimeoutSeconds, readTimeoutSeconds } = await readSettings(deps.db);
  return (connectTimeoutSeconds + readTimeoutSeconds) * 1000 + 5000;
}

/** Each plugin's settings must fit that plugin. */
function checkSettings(deps: ApiDeps, settings: DeviceInput["settings"]): void {
  const errors = Object.entries(settings ?? {}).flatMap(([kind, values]) => {
    const plugin = deps.plugins.find((known) => known.kind === kind);
    const wrong = plugin?.parseSettings(values) ?? [{ field: "", rule: "names no registered plugin" }];
    return wrong.map(({ field, rule }) => ({
      field: [fieldName(["settings", kind]), field].filter((part) => part !== "").join("."),
      rule,
      got: "a value that does not fit",
    }));
  });
  const [first] = errors;
  if (first) throw new ApiProblem("request.invalid", `${first.field}: ${first.rule}.`, { errors });
}
