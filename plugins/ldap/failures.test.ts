import { InvalidCredentialsError, UnknownStatusCodeError } from "ldapts";
import { expect, it } from "vitest";
import { answerFailure, loginFailure, PasswordRight } from "./failures.ts";

/** As Windows words it: the subcode stands behind `data`. */
const refused = (subcode: string) =>
  new InvalidCredentialsError(
    `80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data ${subcode}, v4563`,
  );
const answer = (code: number, text: string) => new UnknownStatusCodeError(code, text);

it.each([
  ["530", "auth.not-permitted", "verify.accepted"],
  ["531", "auth.not-permitted", "verify.accepted"],
  ["532", "auth.must-change", "verify.must-change"],
  ["533", "auth.locked", "verify.account-expired"],
  ["701", "auth.expired", "verify.account-expired"],
  ["773", "auth.must-change", "verify.must-change"],
])("sub-code %s: the password was right", (subcode, code, right) => {
  const failure = loginFailure(refused(subcode));
  expect(failure).toBeInstanceOf(PasswordRight);
  expect(failure).toMatchObject({ code, right });
});

it.each([
  ["525", "auth.rejected"],
  ["52e", "auth.rejected"],
  ["52E", "auth.rejected"],
  ["775", "auth.locked"],
])("sub-code %s: nothing is known of the password", (subcode, code) => {
  const failure = loginFailure(refused(subcode));
  expect(failure).not.toBeInstanceOf(PasswordRight);
  expect(failure.code).toBe(code);
});

it("a text with a number in it is no sub-code where the log-in was not refused as wrong", () => {
  expect(loginFailure(answer(53, "data 773"))).not.toBeInstanceOf(PasswordRight);
});

it.each([
  [19, "0000052D: AtrErr: DSID-03191083, #1", "change.refused", true],
  [19, "00000056: AtrErr: DSID-03191083, #1", "auth.rejected", true],
  [53, "0000052D: SvcErr: DSID-031A12D2, problem 5003", "change.refused", true],
  [53, "unwilling to verify old password", "auth.rejected", true],
  [53, "shadow context; no global superior knowledge", "target.unexpected", true],
  [19, "Password fails quality checking policy", "change.refused", true],
  [16, "modify/delete: userPassword: no such value", "auth.rejected", true],
  [50, "", "auth.not-permitted", true],
  [32, "", "account.unknown", true],
  [51, "", "target.busy", true],
  [52, "", "target.busy", false],
  [80, "internal error", "target.unexpected", false],
  [10, "ldap://other.test", "target.unexpected", true],
])("code %i %s: %s", (code, text, expected, isRefused) => {
  expect(answerFailure(answer(code, text))).toMatchObject({ code: expected, refused: isRefused });
});
