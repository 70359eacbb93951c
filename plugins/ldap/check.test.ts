import { describe, expect, it } from "vitest";
import { checkTemplate } from "../../templates/language/check.ts";
import { hostOf } from "./check.ts";
import { language } from "./language.ts";

const FIND = 'find "[#ADD_INFO#]" (uid=[#USERNAME#])';
const SET = 'mod-replace userPassword "[#NEW_PASSWORD#]"';

function complaintsOf(...lines: readonly string[]): string[] {
  const { complaints } = checkTemplate({ body: lines.join("\n"), dialect: language, kind: "change-password" });
  return complaints.map(({ rule, line }) => `${line} ${rule}`);
}

describe("connect", () => {
  it.each([
    "connect",
    'connect ""',
    'connect null "ldap://[#IP#]"',
    'connect "ldaps://[#HOSTNAME#]:636/"',
    "connect [#DOMAIN#]",
  ])("%s is the device", (connect) => {
    expect(complaintsOf(connect, FIND, SET)).toEqual([]);
  });

  it.each(['connect "ldap://dc1.example.test"', 'connect null "ldaps://[#HOSTNAME#].example.test"'])(
    "%s may be the device: a warning",
    (connect) => {
      expect(complaintsOf(connect, FIND, SET)).toEqual(["1 argument.doubtful"]);
    },
  );

  it.each(['connect "ldap://[#ADD_INFO#]"', 'connect null "[#AUTH_DOMAIN#]"'])("%s is refused", (connect) => {
    expect(complaintsOf(connect, FIND, SET)).toEqual(["1 argument.value"]);
  });
});

it.each([
  ["ldaps://dc1.example.test:636/", "dc1.example.test"],
  ["192.0.2.1:389", "192.0.2.1"],
  ["ldap://[#IP#]:389", "[#IP#]"],
  ["ldap://::1", "::1"],
  ["2001:db8::389", "2001:db8::389"],
  ["ldaps://[2001:db8::1]:636/", "2001:db8::1"],
  ["ldaps://[fe80::1%eth0]", "fe80::1%eth0"],
])("%s is at %s", (address, host) => {
  expect(hostOf(address)).toBe(host);
});

describe("a password's form", () => {
  it.each([
    ['mod-replace unicodePwd "[#NEW_PASSWORD#]"', ["2 argument.value"]],
    ['mod-add unicodepwd "u([#NEW_PASSWORD#])"', []],
    ['mod-replace userPassword "u([#NEW_PASSWORD#])"', ["2 argument.value"]],
    ['mod-replace description "u(x)"', ["2 argument.value"]],
    ["mod-del unicodePwd", []],
  ])("%s", (line, complaints) => {
    expect(complaintsOf(FIND, line, SET)).toEqual(complaints);
  });
});

describe("the order of the lines", () => {
  it.each([
    [["set-option LDAP_OPT_REFERRALS 0", SET], ["2 command.place"]],
    [[FIND, "delete-entry", SET], ["3 command.place"]],
    [["delete-entry", FIND, SET], ["1 command.place"]],
    [['create-entry "uid=[#USERNAME#],dc=x"', SET], ["2 command.place"]],
    [['create-entry "uid=[#USERNAME#],dc=x"', 'mod-add userPassword "[#NEW_PASSWORD#]"'], []],
    [['bind "cn=a,dc=x"', FIND, SET, 'bind "cn=b,dc=x"'], ["4 command.place"]],
    [['bind "cn=a,dc=x"', FIND, SET, 'bind "cn=a,dc=x"'], []],
    [[FIND, SET, "end", SET], ["4 line.after-end"]],
  ])("%j", (lines, complaints) => {
    expect(complaintsOf(...lines)).toEqual(complaints);
  });
});
