/** What can be wrong with a request, and with what it asks for. */
import { entry } from "./error-entry.ts";

export const REQUESTS = {
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
  "request.too-wide": entry(
    422,
    "The filter matches more than 10,000 objects.",
    "Narrow it, or ask for the rest in further requests.",
  ),
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

export const CREDENTIALS = {
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
  "template.not-found": entry(404, "There is no such template.", "Check the id."),
  "template.refused": entry(
    422,
    "The template cannot be run as it is written.",
    "Mend the lines named in `complaints`; `docs/templates.md` explains the rules.",
  ),
  "template.name-taken": entry(
    409,
    "An active template of this plugin and kind has this name.",
    "Edit that one, or choose another name.",
  ),
  "template.shipped": entry(
    409,
    "The template came with Keyturn, which keeps its text up to date.",
    "Make a template of your own with its text, and edit that one.",
  ),
  "template.in-use": entry(
    409,
    "Credentials or open operations name the template.",
    "Give them another one first; the template's `uses` names the credentials.",
  ),
  "template.not-pending": entry(
    409,
    "The version does not wait for a decision, or is not the latest one.",
    "Look at the template's versions again.",
  ),
  "template.own-version": entry(403, "Who wrote a version of a template may not decide it.", "Ask another person."),
  "template.unfit": entry(
    422,
    "The template is of another plugin, or of a kind that sets no password.",
    "Choose one of the credential's plugin and of a kind that sets a password.",
  ),
  "template.no-rehearsal": entry(
    409,
    "The credential's plugin cannot rehearse.",
    "See what would be sent with `keyturn template run --dry`.",
  ),
  "template.not-active": entry(
    422,
    "The template is switched off, or none of its versions was approved yet.",
    "Switch it on, let its latest version be approved, or choose another one.",
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
    "Check it, then restart the operation, reconcile it, restore a version, or store the password that works.",
  ),
  "credential.unresolved": entry(
    409,
    "A password that may be live on the device is kept and not resolved.",
    "Resolve it first: restart the operation, reconcile the credential or restore a version.",
  ),
  "credential.cycle": entry(
    422,
    "The parents of this credential would form a circle.",
    "Choose a parent that does not descend from it.",
  ),
  "credential.no-reconciliation": entry(
    422,
    "No way to reconcile this credential is set up.",
    "Set `reconciliation` in its execution settings: enabled, and an account that may set its password.",
  ),
  "credential.no-policy": entry(
    422,
    "No policy changes this credential by itself.",
    "Make a policy that it fits, or request its first change by hand: then its policy drives it.",
  ),
  "policy.not-found": entry(404, "There is no such policy.", "Check the id."),
  "policy.name-taken": entry(409, "Another policy has this name.", "Choose another name."),
  "strength.not-found": entry(404, "There is no such strength.", "Check the id."),
  "strength.name-taken": entry(409, "Another strength has this name.", "Choose another name."),
  "strength.impossible": entry(
    422,
    "No password can meet these rules.",
    "Make room for the required characters within the length, and allow at least one symbol where symbols are wanted.",
  ),
  "import.malformed": entry(
    422,
    "The file is not a table of the expected form.",
    "Compare its first line with the column names in docs/import.md.",
  ),
  "device.inactive": entry(422, "The device is inactive.", "Activate it first."),
  "version.not-found": entry(
    404,
    "There is no such version of the password.",
    "List the versions and take one that still holds its value.",
  ),
} as const;

export const OPERATIONS = {
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
  "operation.kind-unsupported": entry(
    422,
    "Operations of this kind cannot be requested this way.",
    "Use a kind that the API's reference names for this request.",
  ),
  "operation.template": entry(
    422,
    "The template does not fit the operation.",
    "Choose one of the operation's kind whose plugin carries out such operations.",
  ),
  "operation.parameters": entry(
    422,
    "The parameters are not those that the template wants.",
    "Mend the fields named in `errors`: each tag of the template needs its parameter, and no other is taken.",
  ),
  "ephemeral.not-cancelable": entry(
    409,
    "The removal of an ephemeral credential cannot be canceled.",
    "Request its immediate execution to remove the account earlier.",
  ),
  "approval.rejected": entry(409, "An approver rejected the operation.", "Read the comment; request it anew."),
  "approval.expired": entry(
    409,
    "The operation was not approved within its approval period.",
    "Request it anew and tell the approvers.",
  ),
  "approval.own-request": entry(
    403,
    "The person who requested an operation may not decide it.",
    "Ask another approver.",
  ),
  "approval.not-approver": entry(
    403,
    "The operation's policy names other approvers for this level.",
    "Ask one of them.",
  ),
  "approval.already-decided": entry(409, "This person has decided the operation already.", "Nothing to do."),
  "approval.changed": entry(
    409,
    "What is to be approved has changed: device, account or settings are not as they were requested.",
    "Look at the operation again and decide then; earlier approvals do not count any more.",
  ),
  "queue.no-worker": entry(
    503,
    "No worker took the operation within its time.",
    "Start a worker for the device's site, then restart the operation.",
  ),
} as const;
