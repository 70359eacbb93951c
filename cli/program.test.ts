import { describe, expect, test } from "vitest";
import { EXIT, exitCodeForStatus } from "./exit-codes.ts";
import { run } from "./program.ts";
import { testIo } from "./test-io.ts";

describe("exit codes", () => {
  test.each([
    [[], EXIT.usage],
    [["frobnicate"], EXIT.usage],
    [["change"], EXIT.usage],
    [["change", "a@b", "--at", "soon"], EXIT.usage],
    [["operations", "show", "0"], EXIT.usage],
    [["operations", "show", "17x"], EXIT.usage],
    [["operations", "list", "--state", "sleeping"], EXIT.usage],
    [["-o", "yaml", "operations", "list"], EXIT.usage],
    [["token", "create", "name", "--owner", "ann"], EXIT.usage],
    [["device", "add", "name", "host", "--port", "-1"], EXIT.usage],
    [["change", "no-at-sign"], EXIT.usage],
    [["change", "@device"], EXIT.usage],
    [["--help"], EXIT.ok],
    [["credential", "add", "--help"], EXIT.ok],
  ])("%j ends with %i", async (args, exitCode) => {
    expect(await run(args, testIo({ token: "kt_test" }))).toBe(exitCode);
  });

  test("without a token nothing is asked and the person is told where it comes from", async () => {
    const io = testIo();
    expect(await run(["operations", "list"], io)).toBe(EXIT.noPermission);
    expect(io.written().errors).toContain("KEYTURN_TOKEN");
    expect(io.written().output).toBe("");
  });

  test("an API that is not there is 69", async () => {
    const io = testIo({ token: "kt_test" });
    // Port 1 is never listened on.
    expect(await run(["--url", "http://127.0.0.1:1", "operations", "list"], io)).toBe(EXIT.unavailable);
    expect(io.written().errors).toContain("http://127.0.0.1:1");
    expect(io.written().errors).not.toContain("kt_test");
  });

  test.each([
    [400, EXIT.data],
    [401, EXIT.noPermission],
    [403, EXIT.noPermission],
    [404, EXIT.notFound],
    [409, EXIT.notNow],
    [412, EXIT.notNow],
    [422, EXIT.data],
    [429, EXIT.notNow],
    [500, EXIT.software],
    [503, EXIT.unavailable],
  ])("HTTP %i is %i", (status, exitCode) => {
    expect(exitCodeForStatus(status)).toBe(exitCode);
  });
});

test("no option takes a password or a token", async () => {
  for (const command of [[], ["credential", "add"], ["credential", "set-password"], ["token", "create"]]) {
    const io = testIo();
    await run([...command, "--help"], io);
    expect(io.written().output).not.toMatch(/--(password|token)\b/);
  }
});
