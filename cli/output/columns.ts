import { STATE_TITLES } from "../../contracts/states.ts";
import type {
  Attempt,
  Child,
  Credential,
  Decision,
  Device,
  ListedAttempt,
  ListedOperation,
  Operation,
  Policy,
  Site,
  Strength,
  Template,
  TemplateVersion,
  Token,
  Version,
} from "../api-types.ts";
import type { Columns } from "./print.ts";

export const DEVICE_COLUMNS: Columns<Device> = {
  ID: (device) => device.id,
  NAME: (device) => device.name,
  ADDRESS: (device) => (device.port === null ? device.address : `${device.address}:${device.port}`),
  SITE: (device) => device.site,
  IDENTITY: (device) => device.pinnedIdentity ?? "not pinned",
  STATE: (device) => (device.active ? "active" : "inactive"),
};

function standing(credential: Credential): string {
  if (!credential.active) return "inactive";
  if (credential.attention) return `needs attention: ${credential.attention}`;
  return credential.openCode === null ? "at rest" : `change ${credential.openCode} is open`;
}

/** `domain\user@device`, the domain only where there is one. */
export function accountName(account: { username: string; domain: string; device: string }): string {
  return `${account.domain ? `${account.domain}\\` : ""}${account.username}@${account.device}`;
}

export const CREDENTIAL_COLUMNS: Columns<Credential> = {
  ID: (credential) => credential.id,
  ACCOUNT: accountName,
  PLUGIN: (credential) => credential.plugin,
  AUTOMATIC: (credential) => (credential.automaticChange ? "yes" : "no"),
  CHANGED: (credential) => credential.changedAt,
  STANDING: standing,
};

export const OPERATION_COLUMNS: Columns<Operation> = {
  CODE: (operation) => operation.code,
  KIND: (operation) => operation.kind,
  ACCOUNT: (operation) => accountName(operation.target),
  STATE: (operation) => STATE_TITLES[operation.state],
  ATTEMPTS: (operation) => operation.attempts,
  "WAITS FOR": (operation) => operation.waitingFor,
  OUTCOME: (operation) => operation.outcome,
  REQUESTED: (operation) => operation.requestedAt,
  ENDED: (operation) => operation.endedAt,
};

export const ATTEMPT_COLUMNS: Columns<Attempt> = {
  ATTEMPT: (attempt) => attempt.number,
  RUN: (attempt) => attempt.run,
  STARTED: (attempt) => attempt.startedAt,
  "STEPS (MS)": (attempt) =>
    attempt.steps.map(({ step, ms, code }) => `${step} ${Math.round(ms)}${code ? ` ${code}` : ""}`).join(", "),
  OUTCOME: (attempt) => attempt.outcome ?? "running",
  DETAIL: (attempt) => attempt.detail,
};

/** With `--details`. */
export const LISTED_COLUMNS: Columns<ListedOperation> = {
  TEMPLATE: ({ details }) => details?.templateId && `${details.templateId} version ${details.templateVersion}`,
  MESSAGE: ({ details }) => details?.message,
};

/** With `--progress`. */
export const PROGRESS_COLUMNS: Columns<ListedOperation> = {
  PROGRESS: ({ progress }) => progress && [progress.step, progress.heartbeat?.step].filter(Boolean).join(": "),
};

export const DECISION_COLUMNS: Columns<Decision> = {
  ROUND: ({ round }) => round,
  LEVEL: ({ level }) => level + 1,
  PERSON: ({ person }) => person,
  DECISION: ({ decision }) => decision,
  AT: ({ at }) => at,
  COMMENT: ({ comment }) => comment,
};

export const LISTED_ATTEMPT_COLUMNS: Columns<ListedAttempt> = {
  CODE: ({ operation }) => operation.code,
  ATTEMPT: ({ number }) => number,
  KIND: ({ operation }) => operation.kind,
  ACCOUNT: ({ operation }) => accountName(operation.target),
  STARTED: ({ startedAt }) => startedAt,
  OUTCOME: ({ outcome }) => outcome ?? "under way",
  MESSAGE: ({ message }) => message,
};

function shownDuration(minutes: number | null): string | null {
  if (minutes === null) return null;
  if (minutes > 0 && minutes % 1440 === 0) return `${minutes / 1440}d`;
  return minutes > 0 && minutes % 60 === 0 ? `${minutes / 60}h` : `${minutes}m`;
}

export const POLICY_COLUMNS: Columns<Policy> = {
  ID: ({ id }) => id,
  NAME: ({ name }) => name,
  PRIORITY: ({ priority }) => priority,
  "MAX AGE": ({ maxAgeMinutes }) => shownDuration(maxAgeMinutes),
  "AFTER VIEW": ({ afterViewMinutes }) => shownDuration(afterViewMinutes),
  "AFTER SESSION": ({ afterSessionMinutes }) => shownDuration(afterSessionMinutes),
  "HOLDS FOR": ({ credentials }) => credentials,
  STANDING: ({ active, paused, pausedReason }) =>
    !active ? "inactive" : paused ? `paused: ${pausedReason}` : "active",
};

export const STRENGTH_COLUMNS: Columns<Strength> = {
  ID: ({ id }) => id,
  NAME: ({ name }) => name,
  LENGTH: ({ rules }) =>
    rules.minLength === rules.maxLength ? `${rules.minLength}` : `${rules.minLength}-${rules.maxLength}`,
  "AT LEAST": ({ rules }) =>
    `${rules.lowercase} lower, ${rules.uppercase} upper, ${rules.digits} digits, ${rules.symbols} of ${rules.symbolSet || "no symbols"}`,
  BITS: ({ bits }) => Math.floor(bits),
  STATE: ({ active }) => (active ? "active" : "inactive"),
};

export const SITE_COLUMNS: Columns<Site> = {
  NAME: ({ name }) => name,
  DEVICES: ({ devices }) => devices,
  CREDENTIALS: ({ credentials }) => credentials,
  STANDING: ({ paused, pausedReason }) => (paused ? `paused: ${pausedReason}` : "open"),
};

export const CHILD_COLUMNS: Columns<Child> = {
  ID: ({ credentialId }) => credentialId,
  ACCOUNT: accountName,
  PARENT: ({ parent }) => accountName(parent),
  TAKES: ({ childValue }) => (childValue === "own" ? "its own" : "the parent's"),
  HAS: ({ takenVersion, currentVersion }) =>
    takenVersion === null ? `version ${currentVersion ?? "none"} of its own` : `the parent's version ${takenVersion}`,
  WANTS: ({ parent }) => `the parent's version ${parent.currentVersion ?? "none"}`,
  STANDING: ({ active, stale, openCode }) =>
    !active ? "inactive" : openCode === null ? (stale ? "stale" : "as its parent") : `change ${openCode} is open`,
};

export const VERSION_COLUMNS: Columns<Version> = {
  VERSION: ({ version }) => version,
  STATUS: ({ status }) => status,
  ORIGIN: ({ origin }) => origin,
  OPERATION: ({ operationCode }) => operationCode,
  MADE: ({ createdAt }) => createdAt,
  KEPT: ({ kept }) => (kept ? "yes" : "destroyed"),
};

export const TOKEN_COLUMNS: Columns<Token> = {
  ID: (token) => token.id,
  NAME: (token) => token.name,
  OWNER: (token) => token.owner,
  ROLES: (token) => token.roles.join(" "),
  EXPIRES: (token) => token.expiresAt ?? "never",
};

function templateStanding({ active, pending, activeVersion }: Template): string {
  if (!active) return "inactive";
  if (pending) return activeVersion === null ? "to be approved" : "edited, to be approved";
  return activeVersion === null ? "rejected" : "active";
}

export const TEMPLATE_COLUMNS: Columns<Template> = {
  ID: ({ id }) => id,
  NAME: ({ name, shipped }) => (shipped ? `${name} (shipped)` : name),
  PLUGIN: ({ plugin }) => plugin,
  KIND: ({ kind }) => kind,
  RUNS: ({ activeVersion }) => activeVersion && `version ${activeVersion}`,
  LATEST: ({ latestVersion, author }) => `version ${latestVersion} by ${author}`,
  STANDING: templateStanding,
};

export const TEMPLATE_VERSION_COLUMNS: Columns<TemplateVersion> = {
  VERSION: ({ version }) => version,
  STATE: ({ state }) => state,
  AUTHOR: ({ author }) => author,
  AT: ({ at }) => at,
  "DECIDED BY": ({ decidedBy }) => decidedBy,
  COMMENT: ({ comment }) => comment,
};
