import { describe, expect, it } from "vitest";
import { OPERATION_KINDS } from "../../contracts/states.ts";
import { LINES } from "./sample-dialects.ts";
import { guessFromPath } from "./template-file.ts";

const DIALECTS = {
  ssh: { ...LINES, names: ["SSH"] },
  "ssh-legacy": { ...LINES, names: ["SSH Legacy"] },
  "sql-server": { ...LINES, names: ["Microsoft SQL Server", "MSSQL"] },
};

describe("a path", () => {
  it.each([
    ["SSH/Change password/Linux own.txt", "ssh", "change-password", "Linux own"],
    ["./library/ssh/change_password/a.b.TXT", "ssh", "change-password", "a.b"],
    ["C:\\t\\Microsoft SQL Server\\Create user\\x.sql", "sql-server", "user-creation", "x"],
    ["SSH legacy/User deletion in group/x", "ssh-legacy", "user-deletion-in-group", "x"],
    ["ssh/templates/MSSQL/Credential activation/.hidden", "sql-server", "credential-activation", ".hidden"],
    ["Nothing/known/x.txt", undefined, undefined, "x"],
    ["constructor/toString/x", undefined, undefined, "x"],
    ["SSH/New user/IBM AIX 7.1", "ssh", "user-creation", "IBM AIX 7.1"],
    ["SSH/Credential disabling/x", "ssh", "credential-inactivation", "x"],
    ["SSH/Credential enable/x", "ssh", "credential-activation", "x"],
    ["SSH/Password change/MDM ", "ssh", "change-password", "MDM"],
    ["x.txt", undefined, undefined, "x"],
    ["", undefined, undefined, ""],
  ])("%s", (path, plugin, kind, name) => {
    expect(guessFromPath(path, DIALECTS)).toEqual({ plugin, kind, name });
  });

  it("names every kind by its own name", () => {
    for (const kind of OPERATION_KINDS) {
      expect(guessFromPath(`SSH/${kind.replaceAll("-", " ").toUpperCase()}/x`, DIALECTS).kind).toBe(kind);
    }
  });
});
