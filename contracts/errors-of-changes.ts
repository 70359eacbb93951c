/** What can go wrong on a device, and with a change. */
import { entry } from "./error-entry.ts";

export const DEVICES = {
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
  "target.outdated": entry(
    502,
    "The device speaks only algorithms of SSH that are too old to be trusted.",
    "Renew its software; or use the plugin ssh-legacy and set `legacyAlgorithms` for this device.",
  ),
  "auth.rejected": entry(
    409,
    "The device rejected the stored password of the account that logs in.",
    "Store its right password, or reconcile it; it is not tried again by itself.",
  ),
  "auth.changing": entry(
    503,
    "The account that logs in is itself being changed.",
    "It is tried again with its new password.",
    "later",
  ),
  "auth.locked": entry(
    409,
    "The account that logs in, or whose password is changed, is locked on the device.",
    "Unlock it there.",
  ),
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
  "account.exists": entry(
    409,
    "The account that was to be made exists on the device already; its password was left as it is.",
    "If an earlier attempt made it, or it is to be managed here, change its password through another account; else choose another name.",
  ),
  "account.ambiguous": entry(
    409,
    "Several accounts on the device have this name.",
    "Say which one in the credential's additional information, as the plugin's page explains: its host, for instance.",
  ),
} as const;

export const CHANGES = {
  "change.refused": entry(
    409,
    "The device refused the new password.",
    "Three other passwords are tried; then compare the strength with the device's rules.",
    "new-candidate",
  ),
  "change.not-persistent": entry(
    409,
    "The device could not store the new password where it survives a restart.",
    "Let the device write its configuration (rights, disk, path), then restart the operation.",
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
  "job.done": entry(200, "The template ran to its end.", "Nothing to do."),
  "job.unverified": entry(
    409,
    "Something was sent, and it is not known what came of it: it may have happened.",
    "Read the attempt's transcript and look at the device; restart the operation only if it did not happen.",
  ),
  "ephemeral.not-removed": entry(
    502,
    "The account of the ephemeral credential still logs in after the template of its removal ran.",
    "Read the attempt's transcript and mend the template; it is tried again without end.",
    "later",
  ),
  "ephemeral.not-created": entry(
    200,
    "Nothing was sent that could have made the account, so there is nothing to remove.",
    "Nothing to do.",
  ),
  "ephemeral.unproven": entry(
    409,
    "It is not known whether the account is the one that was made: the worker was lost, and its password does not log in.",
    "Look on the device: request its immediate execution to have the account removed, or cancel it if it is somebody else's or not there.",
  ),
  "ephemeral.lifetime-over": entry(
    409,
    "The lifetime of the ephemeral credential is over.",
    "Request a new ephemeral credential.",
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
