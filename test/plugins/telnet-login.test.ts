import { type AddressInfo, createServer, type Socket } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { login } from "../helpers/ssh.ts";
import { expectClean, newCall } from "./conformance-target.ts";

const plugin = findPlugin("telnet") as Plugin;
const RIGHT = "Right-Passw0rd";
const WRONG = "Wrong-Passw0rd";

/** What a device says at first, and in answer to each line. */
interface Manners {
  readonly greets: string;
  answers(line: string, count: number): string;
  /** Closes after an answer that holds this. */
  readonly closesAfter?: string;
  /** What it says 150 ms after its answer to the password, unasked. */
  readonly goesOn?: string;
  /** Says one character after the other, so many milliseconds apart. */
  readonly dripMs?: number;
}

/** A device with odd manners: no real one has them all. `heard` gets each line that it is told. */
async function start(manners: Manners, heard: string[]) {
  const server = createServer((socket) => {
    socket.on("error", () => undefined);
    converse(socket, manners, heard).catch(() => undefined);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() };
}

async function converse(socket: Socket, manners: Manners, heard: string[]): Promise<void> {
  const { greets, answers, closesAfter, goesOn, dripMs } = manners;
  const say = async (text: string) => {
    if (dripMs === undefined) socket.write(text);
    else
      for (const char of text) {
        socket.write(char);
        await sleep(dripMs);
      }
  };
  await say(greets);
  let rest = "";
  let count = 0;
  for await (const bytes of socket as AsyncIterable<Buffer>) {
    rest += bytes.toString("latin1");
    for (let end = rest.indexOf("\r\n"); end >= 0; end = rest.indexOf("\r\n")) {
      const line = rest.slice(0, end);
      rest = rest.slice(end + 2);
      heard.push(line);
      count += 1;
      const answer = answers(line, count);
      await say(answer);
      if (goesOn !== undefined && count === 2) setTimeout(() => socket.write(goesOn), 150);
      if (closesAfter !== undefined && answer.includes(closesAfter)) socket.end();
    }
  }
}

async function verify(
  manners: Manners,
  options: { password?: string; settings?: object; readTimeoutMs?: number; heard?: string[] } = {},
) {
  const { password = RIGHT, settings = {}, readTimeoutMs = 2000, heard = [] } = options;
  using server = await start(manners, heard);
  const device = { address: "127.0.0.1", port: server.port, settings: plugin.settings.parse(settings) };
  const call = newCall({ readTimeoutMs });
  const as = login("admin", password);
  const { verdict, code } = await plugin.verify(device, as, call);
  expectClean(call.lines, [as.password]);
  // Nothing is guessed, whatever the device asks.
  expect(heard.filter((line) => line === password).length).toBeLessThanOrEqual(1);
  expect(heard.filter((line) => line !== password && line !== "admin")).toEqual([]);
  return `${verdict} ${code}`;
}

/** A device that takes the right password, and what it says to it and to a wrong one. */
const device = (yes: string, no: string | undefined = "\r\nLogin incorrect\r\nlogin: "): Manners => ({
  greets: "login: ",
  answers: (line, count) => (count === 1 ? "admin\r\nPassword: " : line === RIGHT ? yes : no),
});

describe.concurrent("a right password", () => {
  it.each([
    ["with a prompt", "\r\nsw1> "],
    ["with colours and a title", "\r\n\u001b]0;sw1\u0007\u001b[1;32msw1\u001b[0m# "],
    [
      "with a message of the day that looks like one of a refusal",
      "\r\nLast failed login: invalid login from tty1\r\nsw1> ",
    ],
    ["with a message of the day that holds prompts", "\r\nnever type at a $ or #\r\nsw1> "],
    ["with a prompt in brackets", "\r\n[sw1] "],
    ["echoed", `${RIGHT}\r\nsw1> `],
    ["echoed in pieces", `${RIGHT.slice(0, 6)}\r\n${RIGHT.slice(6)}\r\nsw1> `],
    ["after a flood", `${"x".repeat(79)}\r\n`.repeat(5000) + "sw1> "],
  ])("%s is accepted", async (_, yes) => {
    expect(await verify(device(yes))).toBe("accepted verify.accepted");
  });

  it("is accepted one character every 30 milliseconds", async () => {
    expect(await verify({ ...device("\r\nhi # there\r\nsw1> "), dripMs: 30 })).toBe("accepted verify.accepted");
  });

  it("is accepted where only the password is asked for, and no user name is sent", async () => {
    const manners: Manners = { greets: "User Access Verification\r\n\r\nPassword: ", answers: () => "\r\nr1> " };
    const heard: string[] = [];
    expect(await verify(manners, { heard })).toBe("accepted verify.accepted");
    expect(heard).toEqual([RIGHT]);
  });

  it("is accepted at prompts that the settings name", async () => {
    const manners: Manners = {
      greets: "Benutzer ? ",
      answers: (_, count) => (count === 1 ? "\r\nKennwort ? " : "\r\nMENU  1 Ports  2 Users\r\nAuswahl ==> "),
    };
    const settings = { usernamePrompt: "Benutzer ?", passwordPrompt: "Kennwort ?", commandPrompt: "==>" };
    expect(await verify(manners, { settings })).toBe("accepted verify.accepted");
  });

  it.each([
    [
      "must be changed",
      "\r\nYou are required to change your password immediately (administrator enforced).\r\nCurrent password: ",
      "accepted verify.must-change",
    ],
    ["must be changed at once", "\r\nYour password has expired.\r\nNew password: ", "accepted verify.must-change"],
    ["is not enough", "\r\nVerification code: ", "unknown target.needs-human"],
    ["is not enough either", "\r\nAccept the terms? [y/n] ", "unknown target.needs-human"],
    ["is met by a question that ends like a prompt", "\r\nAccept the terms? [y/n]> ", "unknown target.unexpected"],
    ["is met by a pager", "\r\nPress any key to continue ] ", "unknown target.needs-human"],
    ["is met by silence", "\r\n", "unknown target.timeout"],
  ])("that %s", async (_, yes, expected) => {
    expect(await verify(device(yes))).toBe(expected);
  });
});

describe.concurrent("a wrong password", () => {
  it.each([
    ["with another question for the user name", "\r\nLogin incorrect\r\nlogin: ", "rejected verify.rejected"],
    ["with another question for the password", "\r\nPassword: ", "rejected verify.rejected"],
    ["with what looks like a prompt on the way", "\r\n*** refused ### \r\nPassword: ", "rejected verify.rejected"],
    ["with a locked account", "\r\nThe account is locked due to 3 failed logins.\r\nlogin: ", "unknown auth.locked"],
  ])("%s", async (_, no, expected) => {
    expect(await verify(device("\r\nsw1> ", no), { password: WRONG })).toBe(expected);
  });

  it("is rejected though a prompt stood for a moment", async () => {
    const manners = device("\r\nsw1> ", "\r\nplease wait #");
    expect(await verify({ ...manners, goesOn: "##\r\nLogin incorrect\r\nlogin: " }, { password: WRONG })).toBe(
      "rejected verify.rejected",
    );
  });

  it.each([
    ["says so and closes is rejected", "\r\n% Bad passwords, too many failures!\r\n", "rejected verify.rejected"],
    ["closes without a word is in doubt", "\r\n\r\n", "unknown target.connection-lost"],
  ])("to a device that %s", async (_, no, expected) => {
    const manners = { ...device("\r\nsw1> ", no), closesAfter: no };
    expect(await verify(manners, { password: WRONG })).toBe(expected);
  });
});

describe.concurrent("what no password is sent to", () => {
  it.each([
    ["a question for a code first", "Passcode: ", /target\.(?:needs-human|timeout)/],
    ["a device that says nothing", "", /target\.timeout/],
    ["a device that lets everybody in", "Welcome\r\nsw1> ", /verify\.no-password-asked/],
    ["a web server", "HTTP/1.1 400 Bad Request\r\n\r\n", /target\.timeout/],
  ])("%s", async (_, greets, expected) => {
    const heard: string[] = [];
    expect(await verify({ greets, answers: () => "" }, { heard })).toMatch(expected);
    expect(heard).toEqual([]);
  });
});
