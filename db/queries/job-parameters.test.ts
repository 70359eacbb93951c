import { describe, expect, test } from "vitest";
import { JobParameters } from "../../contracts/job-parameters.ts";
import { ApiProblem } from "../../contracts/problem.ts";
import { checkParameters } from "./job-parameters.ts";

function check(parameters: JobParameters, tags: readonly string[], username = false): string[] {
  try {
    checkParameters(parameters, { tags: new Set(tags), username });
    return [];
  } catch (error) {
    if (!(error instanceof ApiProblem)) throw error;
    return error.extras.errors?.map(({ field }) => field) ?? [error.code];
  }
}

describe("the parameters of a job", () => {
  test("are those of its template's tags", () => {
    expect(check({}, ["IP", "AUTH_USER", "OPERACAO_COD"])).toEqual([]);
    expect(check({ username: "ann", uid: "7" }, ["USERNAME", "UID"])).toEqual([]);
    expect(check({ uid: "7" }, ["USERNAME", "UID", "SHELL"])).toEqual(["parameters.username", "parameters.shell"]);
    expect(check({ group: "x", home: "/x" }, [])).toEqual(["parameters.group", "parameters.home"]);
  });

  test("name no user where a credential does", () => {
    expect(check({}, ["USERNAME"], true)).toEqual([]);
    expect(check({ username: "ann" }, ["USERNAME"], true)).toEqual(["parameters.username"]);
  });

  test.each(["APP_NAME", "SECRET_VALUE", "ACCESS_KEY_ID", "CREDENTIAL_NAME"])("have no value for %s", (tag) => {
    expect(check({}, [tag])).toEqual(["operation.template"]);
  });

  test.each<[keyof JobParameters, string, boolean]>([
    ["username", "svc backup$", true],
    ["username", "o'brien; reboot", true],
    ["username", "-r", false],
    ["username", " ann", false],
    ["username", "a\u0000b", false],
    ["group", "Domänen-Benutzer", true],
    ["group", "--help", false],
    ["uid", "61200", true],
    ["uid", "1; reboot", false],
    ["uid", "-1", false],
    ["home", "/home/ann smith", true],
    ["home", "ann", false],
    ["shell", "/bin/sh", true],
    ["shell", "-c", false],
    ["governanceCode", "CHG-1 (urgent)", true],
    ["governanceCode", "-1", false],
  ])("%s may be %j: %s", (name, value, accepted) => {
    expect(JobParameters.safeParse({ [name]: value }).success).toBe(accepted);
  });
});
