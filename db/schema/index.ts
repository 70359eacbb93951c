export { deviceRevisions, devices } from "./devices.ts";
export { credentials, encryptionKeys, secretVersions } from "./credentials.ts";
export { operationCounts, operationEvents, operationEventsFold, requesters } from "./operation-events.ts";
export { approvals, attempts, loginReservations, operations, type StepRecord, targetSnapshots } from "./operations.ts";
export { policies, policyStates, sites } from "./policies.ts";
export { audit, idempotencyKeys, outbox, settings, tokens } from "./records.ts";
export { strengths } from "./strengths.ts";
export { rehearsals, templates, templateVersions } from "./templates.ts";
