/** Blocks of Expect against devices that ask several things at once, ask again, go round, fall silent or hang up. */
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { type Plugin, PluginFailure } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { bindTemplate } from "../helpers/scripts.ts";
import { login } from "../helpers/ssh.ts";
import { expectClean, newCall, newPassword, own } from "./conformance-target.ts";

const plugin = findPlugin("tk-expect") as Plugin;
const PASSWORD = "Right-Passw0rd";

/** As the original's page has it for AS/400, of which no real one runs here. */
const SCRIPT = String.raw`use telnet script
set timeout 3
expect {
    "User  . ." { send "[#USERNAME#]\t"; exp_continue }
    "Password  . ." {
        send "[#CURRENT_PASSWORD#]\r\n"
        exp_continue
    } "Selection or command" {
        send "chgpwd\r\n"
        exp_continue
    } "Current password  . ." { send "[#CURRENT_PASSWORD#]\t" ; exp_continue }
    "New password  . ." { send "[#NEW_PASSWORD#]\t"; exp_continue }
    "New password (to verify)" { send "[#NEW_PASSWORD#]\r"; exp_continue }
    "Password changed successfully." {
        send "\r"
        exit 0
    } incorrect { exit 1 }
    timeout { exit 1 }
    eof { exit 1 }
}
send "never\r"
`;
const SIGN_ON = "  User  . . . . . \r\n  Password  . . . . .  ";
const MENU = "\r\nMain menu\r\nSelection or command\r\n===> ";
const CHANGE =
  "\r\nChange Password\r\n Current password  . . \r\n New password  . . \r\n New password (to verify)  . . ";

let server: Server | undefined;
let heard: string[] = [];
afterEach(() => server?.close());

/** A device that answers what was sent up to a tab or a line end. `undefined` hangs up. */
async function change(greets: string, answers: (text: string, count: number) => string | undefined, script = SCRIPT) {
  heard = [];
  server = createServer((socket) => {
    socket.on("error", () => undefined);
    socket.write(greets);
    let rest = "";
    socket.on("data", (bytes) => {
      rest += bytes.toString("latin1");
      for (let end = rest.search(/[\t\r]/); end >= 0; end = rest.search(/[\t\r]/)) {
        heard.push(rest.slice(0, end).replaceAll("\0", "").trim());
        rest = rest.slice(end + 1);
        const answer = answers(heard.at(-1) ?? "", heard.length);
        if (answer === undefined) socket.end();
        else socket.write(answer);
      }
    });
  });
  await new Promise<void>((resolve) => server?.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const device = { address: "127.0.0.1", port, settings: plugin.settings.parse({}) };
  const as = login("admin", PASSWORD);
  const call = newCall({ readTimeoutMs: 60_000 });
  const made = own(as, newPassword());
  const bound = bindTemplate(plugin, script, { login: as, change: made, device });
  const session = await plugin.open(device, as, call, bound);
  let passed = 0;
  const failure = await session
    .apply({ ...made, script: bound }, call, async () => void (passed += 1))
    .then(
      () => undefined,
      (error: unknown) => error,
    );
  session.destroy();
  expectClean(call.lines, [as.password, made.next]);
  const { code = "done", refused = false, message = "" } = failure instanceof PluginFailure ? failure : {};
  return { code, refused, message, passed, next: made.next.reveal() };
}

/** Takes the sign-on, then shows the screen on which the password is changed. */
function as400(last: string | undefined) {
  return (text: string, count: number) =>
    count === 1 || count === 4 || count === 5 ? "" : count === 2 ? MENU : text === "chgpwd" ? CHANGE : last;
}

describe("a block", () => {
  it("answers the questions of a screen one after another, and ends with its arm", async () => {
    const { code, passed, next } = await change(SIGN_ON, as400("\r\nPassword changed successfully.\r\n"));
    expect({ code, passed }).toEqual({ code: "done", passed: 1 });
    expect(heard).toEqual(["admin", PASSWORD, "chgpwd", PASSWORD, next, next, ""]);
  });

  it("types a stored password once: a device that asks again did not take it", async () => {
    const again = (_: string, count: number) => (count === 2 ? `\r\nSign-on failed\r\n${SIGN_ON}` : "");
    const { code, passed } = await change(SIGN_ON, again);
    expect({ code, passed }).toEqual({ code: "auth.rejected", passed: 0 });
    expect(heard.filter((text) => text === PASSWORD)).toHaveLength(1);
  });

  it("gives up where its script does, with the line, before or after the new password", async () => {
    const wrong = await change(SIGN_ON, (_, count) => (count === 2 ? "\r\nuser or password incorrect\r\n" : ""));
    expect(wrong).toMatchObject({ code: "target.unexpected", passed: 0, message: expect.stringMatching(/^line 17: /) });
    const late = await change(SIGN_ON, as400("\r\nincorrect\r\n"));
    expect(late).toMatchObject({ code: "target.unexpected", refused: false, passed: 1 });
  });

  it("tells silence and a hang-up by their own codes", async () => {
    expect(await change("Welcome\r\n", () => "")).toMatchObject({ code: "target.timeout", passed: 0 });
    expect(await change(SIGN_ON, () => undefined)).toMatchObject({ code: "target.connection-lost", passed: 0 });
    expect(await change(SIGN_ON, as400(undefined))).toMatchObject({ code: "target.connection-lost", passed: 1 });
  });

  it("without an arm for it silence is a failure; with one it may go on", async () => {
    const body = 'set timeout 1\nexpect {\n "never" {}\n}\nsend "[#NEW_PASSWORD#]\\r"';
    expect(await change("Hello\r\n", () => "", body)).toMatchObject({ code: "target.timeout", passed: 0 });
    const going = body.replace('"never" {}', '"never" {}\n default {}');
    expect(await change("Hello\r\n", () => "ok\r\n", going)).toMatchObject({ code: "done", passed: 1 });
  });

  it("does not answer an unknown question because time is over", async () => {
    const body = 'set timeout 1\nexpect {\n "never" {}\n timeout { send "yes\\r" }\n}\nsend "[#NEW_PASSWORD#]\\r"';
    expect(await change("Verification code: ", () => "", body)).toMatchObject({
      code: "target.needs-human",
      passed: 0,
    });
    expect(heard).toEqual([]);
  });

  it("goes round no more than a while with a device that always asks", async () => {
    const body = 'expect {\n "more" { send "y\\r"; exp_continue }\n}\nsend "[#NEW_PASSWORD#]\\r"';
    const { code, message } = await change("more? ", () => "more? ", body);
    expect({ code, message }).toEqual({ code: "target.unexpected", message: expect.stringContaining("round") });
    expect(heard.length).toBeLessThanOrEqual(30);
  });
});
