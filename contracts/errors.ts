/**
 * The one table of everything that can go wrong. A code is `area.reason`; it is the Temporal failure type, the
 * problem `code` of the API and the outcome of an attempt. `docs/errors.md` is tied to this table by a test.
 */
export interface ErrorEntry {
  /** `later`: the same again after the interval; `new-candidate`: at once with another password; `no`: a person decides. */
  readonly retry: "later" | "new-candidate" | "no";
  /** HTTP status when the API answers with it. */
  readonly status: number;
  /** What happened. */
  readonly title: string;
  /** What to do. */
  readonly advice: string;
}

function entry(status: number, title: string, advice: string, retry: ErrorEntry["retry"] = "no"): ErrorEntry {
  return { retry, status, title, advice };
}

const REQUESTS = {
  "request.invalid": entry(
    400,
    "The request does not fit its schema.",
    "Mend the fields named in `errors` and send it again.",
  ),
  "request.not-found": entry(404, "There is nothing at this address.", "Check the path, and the id in it."),
  "request.conflict": entry(
    409,
    "Another row holds the same identity.",
    "Use the existing one, or change the fields that make it unique.",
  ),
  "request.stale": entry(
    412,
    "The object was changed since it was read.",
    "Read it again and repeat the edit with the new ETag.",
  ),
  "request.too-many": entry(429, "Too many requests in a short time.", "Wait as long as Retry-After says."),
  "request.precondition-required": entry(
    428,
    "An edit needs the If-Match header.",
    "Read the object and send its ETag as If-Match.",
  ),
  "idempotency.key-reused": entry(
    422,
    "This Idempotency-Key was used with another body.",
    "Take a new key for a new request.",
  ),
  "idempotency.in-flight": entry(
    409,
    "The first request with this Idempotency-Key is still being answered.",
    "Wait a moment and repeat it.",
  ),
  "token.missing": entry(401, "No bearer token was sent.", "Send `Authorization: Bearer kt_…`."),
  "token.invalid": entry(401, "The token is unknown, expired or revoked.", "Ask an administrator for a new token."),
  "token.address-not-allowed": entry(
    403,
    "The token may not be used from this address.",
    "Call from an allowed address, or have the token's list changed.",
  ),
  "permission.denied": entry(
    403,
    "The token's roles do not allow this.",
    "Use a token that has the role named in `detail`.",
  ),
  "service.fault": entry(
    500,
    "Keyturn failed to answer.",
    "Repeat the request; if it stays, look in the log for the request id.",
  ),
  "service.unavailable": entry(
    503,
    "The database or Temporal does not answer.",
    "Wait; work that was accepted goes on by itself.",
  ),
} as const;

const CREDENTIALS = {
  "credential.not-found": entry(404, "There is no such credential.", "Check the id."),
  "credential.inactive": entry(422, "The credential is inactive.", "Activate it first."),
  "credential.not-automatic": entry(
    422,
    "Automatic change is off for this credential.",
    "Switch on `automaticChange` in its execution settings.",
  ),
  "credential.no-authenticator": entry(
    422,
    "The credential names no account that logs in.",
    "Set `useOwnCredential` or `authenticationCredentialId`.",
  ),
  "credential.no-password": entry(
    422,
    "No password is stored for the account that logs in.",
    "Store its present password first.",
  ),
  "credential.no-template": entry(
    422,
    "The plugin needs a template and the credential names none.",
    "Choose a template in the execution settings.",
  ),
  "credential.plugin-unknown": entry(422, "No such plugin is registered.", "Choose one that GET /v1/plugins lists."),
  "credential.change-open": entry(
    409,
    "A change of this credential is already open.",
    "Follow the operation named in `openCode`.",
  ),
  "credential.attention": entry(
    409,
    "The credential's password is unproven and waits for a person.",
    "Check it, then restart the operation, restore a version, or store the password that works.",
  ),
  "credential.unresolved": entry(
    409,
    "A password that may be live on the device is kept and not resolved.",
    "Resolve it first: restart the operation or restore a version.",
  ),
  "credential.cycle": entry(
    422,
    "The parents of this credential would form a circle.",
    "Choose a parent that does not descend from it.",
  ),
  "device.inactive": entry(422, "The device is inactive.", "Activate it first."),
  "version.not-found": entry(
    404,
    "There is no such version of the password.",
    "List the versions and take one that still holds its value.",
  ),
} as const;

const OPERATIONS = {
  "operation.not-found": entry(404, "There is no operation with this code.", "Check the code."),
  "operation.state": entry(
    409,
    "The operation is in a state that does not accept this action.",
    "Look at its present state.",
  ),
  "operation.unresolved": entry(
    409,
    "A sent password of this operation is not resolved yet.",
    "Wait for the probe, or restart the operation after it ended.",
  ),
  "operation.not-eligible": entry(
    409,
    "The credential could no longer be changed when its turn came.",
    "Look at its execution settings, then restart the operation.",
  ),
  "queue.no-worker": entry(
    503,
    "No worker took the operation within its time.",
    "Start a worker for the device's site, then restart the operation.",
  ),
} as const;

const DEVICES = {
  "target.unreachable": entry(
    502,
    "The device could not be reached.",
    "Check address, port, routes and firewall.",
    "later",
  ),
  "target.timeout": entry(
    504,
    "The device did not answer in time.",
    "Check its load, or raise the time-outs.",
    "later",
  ),
  "target.connection-lost": entry(
    502,
    "The device closed the connection.",
    "Check the device's log; it is tried again.",
    "later",
  ),
  "target.busy": entry(
    503,
    "The device refuses more connections at the moment.",
    "Lower the device's `permits` if this happens often.",
    "later",
  ),
  "target.identity-unknown": entry(
    409,
    "The device's host key or certificate is not pinned yet.",
    "Compare its fingerprint with the device's own, then pin it.",
  ),
  "target.identity-mismatch": entry(
    409,
    "The device showed another host key or certificate than the pinned one.",
    "Find out why before pinning the new one: it may be another machine.",
  ),
  "target.needs-human": entry(
    409,
    "The device asked something only a person can answer.",
    "Use an account without a second factor or extra questions for automatic changes.",
  ),
  "target.unexpected": entry(
    502,
    "The device answered in a way the plugin does not know.",
    "Read the attempt's transcript; the device or its settings differ from what the plugin expects.",
  ),
  "auth.rejected": entry(
    409,
    "The device rejected the stored password of the account that logs in.",
    "Store its right password, or reconcile it; it is not tried again by itself.",
  ),
  "auth.locked": entry(409, "The account that logs in is locked on the device.", "Unlock it there."),
  "auth.expired": entry(409, "The account that logs in has expired on the device.", "Renew it there."),
  "auth.must-change": entry(
    409,
    "The device demands a password change in a dialogue of its own.",
    "Change it through another account that may reset it.",
  ),
  "auth.not-permitted": entry(
    409,
    "The account that logs in may not change this password.",
    "Give it the right, or choose another authentication credential.",
  ),
  "account.unknown": entry(
    409,
    "The account does not exist on the device.",
    "Check user name and domain; Keyturn never creates accounts by a change.",
  ),
} as const;

const CHANGES = {
  "change.refused": entry(
    409,
    "The device refused the new password.",
    "Three other passwords are tried; then compare the strength with the device's rules.",
    "new-candidate",
  ),
  "change.interrupted": entry(503, "The worker was lost before anything was sent.", "It is tried again.", "later"),
  "change.not-applied": entry(
    502,
    "The new password was sent but proven not to have been taken; the old one works.",
    "It is tried again.",
    "later",
  ),
  "change.unverified": entry(
    409,
    "It could not be proven which password the device has; both are kept.",
    "Check the device, then restart the operation or restore the version that logs in.",
  ),
  "change.lost-lease": entry(
    503,
    "Another worker took over before anything was sent.",
    "Nothing to do; it goes on.",
    "later",
  ),
  "child.password-not-legal": entry(
    409,
    "The device cannot take the parent's password.",
    "Narrow the parent's strength, or let the child have its own value.",
  ),
  "verify.accepted": entry(200, "The device demanded the password and accepted it.", "Nothing to do."),
  "verify.must-change": entry(
    200,
    "The password is right, but the device demands that it is changed at log-in.",
    "Nothing to do for Keyturn; the user is asked at log-in.",
  ),
  "verify.account-expired": entry(
    200,
    "The password is right, but the account has expired.",
    "Renew the account on the device.",
  ),
  "verify.rejected": entry(
    409,
    "The device rejected the password.",
    "Reconcile the credential or store its right password.",
  ),
  "verify.no-password-asked": entry(
    409,
    "The device let the account in without asking for the password.",
    "Nothing is proven; change the device's log-in rules.",
  ),
  "login-budget.used": entry(
    429,
    "Too many failed log-ins of this account in a short time.",
    "It goes on when the budget frees; a lock-out on the device is avoided this way.",
    "later",
  ),
  "approval.rejected": entry(409, "The approval was refused.", "Ask the approver why."),
  "approval.expired": entry(409, "Nobody approved in time.", "Request the change again."),
  "secret.unreadable": entry(
    500,
    "The sealed password could not be opened with this process's key.",
    "Give the process the key file that the database was sealed with.",
  ),
} as const;

export const ERRORS = { ...REQUESTS, ...CREDENTIALS, ...OPERATIONS, ...DEVICES, ...CHANGES } as const satisfies Record<
  string,
  ErrorEntry
>;

export type ErrorCode = keyof typeof ERRORS;

/** Whether a text is a code of the catalogue. */
export function isErrorCode(text: string): text is ErrorCode {
  return Object.hasOwn(ERRORS, text);
}

/** The sentence an operator reads: what happened, and what to do. */
export function operatorSentence(code: ErrorCode): string {
  const { title, advice } = ERRORS[code];
  return `${title} ${advice}`;
}

/** What is known of the device after a failure: certainly unchanged, or possibly changed. */
export type Effect = "none" | "unknown";
