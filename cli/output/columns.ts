import { STATE_TITLES } from "../../contracts/states.ts";
import type { Attempt, Credential, Device, Operation, Token } from "../api-types.ts";
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

export const TOKEN_COLUMNS: Columns<Token> = {
  ID: (token) => token.id,
  NAME: (token) => token.name,
  OWNER: (token) => token.owner,
  ROLES: (token) => token.roles.join(" "),
  EXPIRES: (token) => token.expiresAt ?? "never",
};
