export { devices } from "./devices.ts";
export { credentials, encryptionKeys, secretVersions, strengths } from "./credentials.ts";
export { attempts, loginReservations, operations, type StepRecord, targetSnapshots } from "./operations.ts";
export { audit, idempotencyKeys, outbox, settings, tokens } from "./records.ts";
