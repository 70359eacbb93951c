/** The terminal engine against devices that no real sshd can be made to be: right verdict and effect, no secret told. */
import type { ServerChannel } from "ssh2";
import { describe, expect, test } from "vitest";
import type { Plugin } from "../../plugins/plugin.ts";
import { findPlugin } from "../../plugins/registry.ts";
import { linesOf, startFakeSsh } from "../helpers/fake-ssh.ts";
import { bindTemplate } from "../helpers/scripts.ts";
import { call, FIRST, login, ownChange } from "../helpers/ssh.ts";

const plugin = findPlugin("ssh") as Plugin;
const NEXT = "Zq8-wobble_Fen+tarn.42";
const owner = login("kt_own", FIRST);

const OWN = `set-read-timeout 3
expect "*$"
exec "passwd"
expect "*urrent password:"
exec "[#CURRENT_PASSWORD#]"
expect "*ew password:"
exec "[#NEW_PASSWORD#]"
expect "*etype new password:"
exec "[#NEW_PASSWORD#]"
expect "*successfully*"
`;

const DIALOGUE = ["kt_own@host:~$ ", "Current password: ", "\r\nNew password: ", "\r\nRetype new password: "];
const CHANGED = "\r\npasswd: password updated successfully\r\nkt_own@host:~$ ";
const pause = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

interface Device {
  /** Lines that it got. */
  readonly given: string[];
  /** How many more have come, and were not heard yet. */
  waiting(): number;
  say(text: string): Promise<void>;
  hear(): Promise<string>;
  close(): void;
}

type Play = (device: Device) => Promise<void>;
type Speak = (stream: ServerChannel, text: string) => Promise<void>;

const whole: Speak = async (stream, text) => void stream.write(text);

function dripping(everyMs: number): Speak {
  return async (stream, text) => {
    for (const byte of Buffer.from(text)) {
      stream.write(Buffer.from([byte]));
      await pause(everyMs);
    }
  };
}

interface Outcome {
  readonly error: unknown;
  readonly given: readonly string[];
  readonly transcript: string;
  /** Whether the point of no return was passed. */
  readonly passed: boolean;
}

interface Options {
  readonly template?: string;
  readonly speak?: Speak;
  readonly timeMs?: number;
  readonly atPoint?: () => Promise<void>;
}

/** Changes the account's own password on a device that plays so. */
async function change(play: Play, options: Options = {}): Promise<Outcome> {
  const given: string[] = [];
  const fake = await startFakeSsh({
    authenticate: (context) => (context.method === "password" ? context.accept() : context.reject(["password"])),
    shell(stream) {
      const next = linesOf(stream);
      let came = 0;
      stream.on("data", (piece: Buffer) => (came += piece.toString().split("\n").length - 1));
      const speak = options.speak ?? whole;
      stream.on("error", () => undefined);
      void play({
        given,
        waiting: () => came - given.length,
        say: (text) => speak(stream, text),
        async hear() {
          const line = await next();
          given.push(line);
          return line;
        },
        close: () => stream.close(),
      }).catch(() => undefined);
    },
  });
  const talk = call({ signal: AbortSignal.timeout(options.timeMs ?? 20_000) });
  const asked = ownChange("kt_own", FIRST, NEXT);
  const script = bindTemplate(plugin, options.template ?? OWN, { login: owner, change: asked });
  let passed = false;
  const session = await plugin.open(fake.device, owner, talk, script);
  const error: unknown = await session
    .apply({ ...asked, script }, talk, async () => {
      await options.atPoint?.();
      passed = true;
    })
    .catch((reason: unknown) => reason);
  session.destroy();
  fake.stop();
  const transcript = talk.lines.join("\n");
  expectNoSecret(transcript);
  if (error instanceof Error) expectNoSecret(`${error.message}\n${error.stack}`);
  return { error, given, transcript, passed };
}

/** Not even five characters of one in a row, whatever stands between them. */
function expectNoSecret(text: string): void {
  const bare = text.replaceAll(/[<>\s'"\\]/g, "");
  for (const secret of [FIRST, NEXT])
    for (let at = 0; at + 5 <= secret.length; at += 1) expect(bare).not.toContain(secret.slice(at, at + 5));
}

/** Plays passwd, saying `echo` of each answer. */
function passwd(echo: (answer: string) => string = () => "", prompts: readonly string[] = DIALOGUE): Play {
  return async (device) => {
    let answer = "";
    for (const prompt of prompts) {
      await device.say(echo(answer) + prompt);
      answer = await device.hear();
    }
    await device.say(echo(answer) + CHANGED);
  };
}

const ALL = ["passwd", FIRST, NEXT, NEXT];

describe.concurrent("a device that says it in its own way", () => {
  const inPieces = (between: string, size: number) => (answer: string) =>
    (answer.match(new RegExp(`.{1,${size}}`, "g")) ?? []).join(between);
  const motd = `Price: $5, ticket #3\r\n${"Only 10$ a month! # ".repeat(20)}\r\n`;

  test.each<{ name: string; play: Play; speak?: Speak; timeMs?: number }>([
    { name: "one byte every 50 ms", play: passwd(), speak: dripping(50), timeMs: 60_000 },
    { name: "each byte in a packet of its own", play: passwd(), speak: dripping(0) },
    { name: "the password echoed", play: passwd((answer) => `${answer}\r\n`) },
    { name: "the password echoed in colours", play: passwd((answer) => `\x1b[31m${answer}\x1b[0m\r\n`) },
    { name: "the password echoed, wrapped", play: passwd(inPieces("\r\n", 3)) },
    { name: "the password echoed, wrapped by readline", play: passwd(inPieces(" \r", 4)) },
    { name: "the password echoed with colours in it", play: passwd(inPieces("\x1b[1m\x1b[0K", 2)) },
    { name: "the password echoed byte by byte", play: passwd((answer) => `${answer}\r\n`), speak: dripping(1) },
    {
      name: "prompts of two lines",
      play: passwd(
        () => "",
        [
          "host\r\nkt_own $ ",
          "Say\r\nyour current password:\r\n",
          "Say\r\nyour new password:",
          "And\r\nretype new password: \t",
        ],
      ),
    },
    {
      name: "colours, a title, a moved cursor",
      play: passwd(
        () => "",
        [
          "\x1b]0;kt_own@host: ~\x07\x1b[01;32mkt_own@host\x1b[00m:\x1b[01;34m~\x1b[00m$\x1b[?2004h ",
          "\x1b[?2004l\r\x1b[1;33mCurrent\x1b[0m pass\x1b[4mword\x1b[24m:\x1b[K ",
          "\r\n\x1b[2KNew \x1b[1mpassword\x1b[22m:",
          "\r\nRetype\x1b(B new password: ",
        ],
      ),
    },
    {
      name: "line ends of three kinds, and letters cut in two",
      play: passwd(
        () => "",
        ["Grüße\rkt_own$", "passwd\n\rCurrent password:", "\n\rNew password:", "\rRetype new password:"],
      ),
      speak: dripping(2),
    },
    {
      name: "a message of the day with $ and #, and a shell that takes its time",
      play: async (device) => {
        await device.say(motd);
        await pause(350);
        expect(device.waiting()).toBe(0);
        await passwd()(device);
      },
    },
    {
      name: "a banner of 1 MB",
      play: async (device) => {
        for (let at = 0; at < 64; at += 1) await device.say(`${"$ # password: ".repeat(1170)}\r\n`);
        await passwd()(device);
      },
    },
    {
      name: "the command echoed, and passwd that takes its time",
      play: async (device) => {
        await device.say(DIALOGUE[0] ?? "");
        await device.say(`${await device.hear()}\r\n`);
        await pause(300);
        await device.say("Changing password for kt_own.\r\n");
        await pause(300);
        expect(device.waiting()).toBe(0);
        await passwd(() => "", DIALOGUE.slice(1))(device);
      },
    },
  ])("$name", async ({ play, ...options }) => {
    const { error, given, transcript } = await change(play, options);
    expect(error).toBeUndefined();
    expect(given).toEqual(ALL);
    expect(transcript).toContain("> exec [#NEW_PASSWORD#]");
    expect(transcript.length).toBeLessThan(12_000);
  });
});

describe.concurrent("a device that goes wrong", () => {
  const upTo =
    (count: number, then: (device: Device) => Promise<void> | void): Play =>
    async (device) => {
      for (const prompt of DIALOGUE.slice(0, count)) {
        await device.say(prompt);
        await device.hear();
      }
      await then(device);
    };

  test.each<{ name: string; play: Play; code: string; effect: "none" | "unknown"; given: string[]; template?: string }>(
    [
      { name: "nothing is said", play: async () => {}, code: "target.timeout", effect: "none", given: [] },
      {
        name: "closed in the middle of the first prompt",
        play: async (device) => {
          await device.say("kt_own@ho");
          device.close();
        },
        code: "target.connection-lost",
        effect: "none",
        given: [],
      },
      {
        name: "closed in the middle of a later prompt",
        play: upTo(2, async (device) => {
          await device.say("\r\nNew pass");
          device.close();
        }),
        code: "target.connection-lost",
        effect: "none",
        given: ALL.slice(0, 2),
      },
      {
        name: "closed in the middle of the answer",
        play: upTo(4, async (device) => {
          await device.say(`\r\npasswd: ${NEXT}`);
          device.close();
        }),
        code: "target.connection-lost",
        effect: "unknown",
        given: ALL,
      },
      {
        name: "silent after the new password",
        play: upTo(3, () => {}),
        code: "target.timeout",
        effect: "unknown",
        given: ALL.slice(0, 3),
      },
      {
        name: "a second factor in the shell",
        play: async (device) => {
          await device.say("Welcome, costs $5.\r\nVerification code: ");
          await device.hear();
        },
        code: "target.needs-human",
        effect: "none",
        given: [],
      },
      {
        name: "an expired password",
        play: async (device) => {
          await device.say("WARNING: Your password has expired.\r\nPrice: $5\r\nCurrent password: ");
          await device.hear();
        },
        template: `exec "passwd"\n${OWN}`,
        code: "target.needs-human",
        effect: "none",
        given: [],
      },
      {
        name: "a wrong current password",
        play: upTo(2, (device) =>
          device.say(
            "\r\npasswd: Authentication token manipulation error\r\npasswd: password unchanged\r\nkt_own@host:~$ ",
          ),
        ),
        code: "auth.rejected",
        effect: "none",
        given: ALL.slice(0, 2),
      },
      {
        name: "refused, and asked again, where the template would take the question for the next one",
        play: upTo(3, (device) =>
          device.say("\r\nBAD PASSWORD: The password is too similar to the old one\r\nNew password: "),
        ),
        template: OWN.replaceAll(/\*(?:etype new|ew|urrent) password:/g, "*assword:"),
        code: "change.refused",
        effect: "none",
        given: ALL.slice(0, 3),
      },
      {
        name: "refused at the end",
        play: upTo(4, (device) => device.say("\r\npasswd: password unchanged\r\nkt_own@host:~$ ")),
        code: "change.refused",
        effect: "none",
        given: ALL,
      },
      {
        name: "something unknown at the end",
        play: upTo(4, (device) => device.say("\r\nOops 17\r\nkt_own@host:~$ ")),
        code: "target.unexpected",
        effect: "unknown",
        given: ALL,
      },
      {
        name: "a shell where a question should be: the password is not typed there",
        play: upTo(2, (device) => device.say("\r\nbash: new: command not found\r\nkt_own@host:~$ ")),
        template: OWN.replace("*ew password:", "*new*"),
        code: "target.unexpected",
        effect: "none",
        given: ALL.slice(0, 2),
      },
      {
        name: "what must not come, before the new password",
        play: upTo(1, (device) => device.say("passwd\r\nWARNING: read only\r\nCurrent password: ")),
        template: OWN.replace('exec "passwd"', 'exec "passwd"\nno-expect "*read only*"'),
        code: "target.unexpected",
        effect: "none",
        given: ["passwd"],
      },
      {
        name: "what must not come, after the template's last line",
        play: upTo(4, (device) => device.say("\r\nfailed to save\r\nkt_own@host:~$ ")),
        template: OWN.replace('expect "*successfully*"', 'noexpect "*failed*"\nend'),
        code: "target.unexpected",
        effect: "unknown",
        given: ALL,
      },
    ],
  )("$name", async ({ play, code, effect, given, template }) => {
    const outcome = await change(play, template === undefined ? {} : { template });
    expect(outcome.error).toMatchObject({ code, effect });
    expect(outcome.given).toEqual(given);
    expect(outcome.passed).toBe(given.includes(NEXT));
  });

  test("a failure names the template's line and not what stood there", async () => {
    const { error } = await change(upTo(3, () => {}));
    expect(error).toMatchObject({ message: expect.stringMatching(/^line 8: /) });
  });

  test("a device that never stops talking is given up when the time is over", async () => {
    const endless: Play = async (device) => {
      for (let at = 0; at < 300; at += 1) {
        await device.say("tick $ ");
        await pause(10);
      }
    };
    const { error, given } = await change(endless, { timeMs: 1500 });
    expect(error).toMatchObject({ code: "target.timeout", effect: "none" });
    expect(given).toEqual([]);
  });

  test("a prompt that gives up while the point of no return is asked for gets no password", async () => {
    let say: ((text: string) => Promise<void>) | undefined;
    const play = upTo(2, async (device) => {
      say = (text) => device.say(text);
      await device.say("\r\nNew password: ");
      await device.hear();
    });
    const { error, given } = await change(play, {
      atPoint: async () => {
        await say?.("\r\nTimed out.\r\nkt_own@host:~$ ");
        await pause(200);
      },
    });
    expect(error).toMatchObject({ code: "target.timeout", effect: "none" });
    expect(given).toEqual(ALL.slice(0, 2));
  });
});

describe.concurrent("a prompt that was seen before", () => {
  const prompt = DIALOGUE[0] ?? "";
  /** Less than a new prompt is believed after, and more than a known one. Milliseconds. */
  const SHORT = 50;

  /** Says it in two pieces, and makes sure that nothing was typed between them. */
  async function sayApart(device: Device, first: string, second: string): Promise<void> {
    await device.say(first);
    await pause(SHORT);
    expect(device.waiting()).toBe(0);
    await device.say(second);
  }

  test.each<{ name: string; lines: string; play: Play }>([
    {
      name: "is no answer where it stands before the echo of our line: the device has drawn it again",
      lines: 'exec "true"\nexpect "*$*"\n',
      play: async (device) => {
        await device.say(prompt);
        await device.hear();
        await sayApart(device, `\r\n%LINK-3-UPDOWN: it is up\r\n${prompt}`, `true\r\n${prompt}`);
      },
    },
    {
      name: "is no answer to the second of two lines, but to the first",
      lines: 'exec "one"\nexec "two"\nexpect "*$*"\n',
      play: async (device) => {
        await device.say(prompt);
        await device.hear();
        await device.hear();
        await sayApart(device, `two\r\n${prompt}`, `two\r\n${prompt}`);
      },
    },
    {
      name: "is none where a bare sign begins a longer line",
      lines: 'exec "true"\nexpect "*$*"\nexec "true"\nexpect "*$*"\n',
      play: async (device) => {
        await device.say("$ ");
        await device.hear();
        await device.say("true\r\n$ ");
        await device.hear();
        await sayApart(device, "true\r\n$ ", `5 a month\r\n${prompt}`);
      },
    },
    {
      name: "is one in a slow line, too",
      lines: 'exec "true"\nexpect "*$*"\n',
      play: async (device) => {
        const slowly = async (text: string) => {
          for (const letter of text) await sayApart(device, letter, "");
        };
        await slowly(prompt);
        await device.hear();
        await slowly(`true\r\n${prompt}`);
      },
    },
  ])("$name", async ({ lines, play }) => {
    const { error, given } = await change(
      async (device) => {
        await play(device);
        expect(await device.hear()).toBe("passwd");
        await passwd(() => "", DIALOGUE.slice(1))(device);
      },
      { template: OWN.replace('exec "passwd"', `${lines}exec "passwd"`) },
    );
    expect(error).toBeUndefined();
    expect(given.slice(-ALL.length)).toEqual(ALL);
  });
});

describe.concurrent("a template", () => {
  test("may expect the same thing twice in a row", async () => {
    const template = OWN.replaceAll(/^(expect .*)$/gm, "$1\n$1");
    const { error, given } = await change(passwd(), { template });
    expect(error).toBeUndefined();
    expect(given).toEqual(ALL);
  });

  test("may wait for regular expressions and literal texts, sleep, and send without a line end", async () => {
    const template = `set-read-timeout 3
expect-regex "/^.*[$#>] ?$/m"
write "pass"
sleep 0.2
exec "wd"
read "Current password:"
exec "[#CURRENT_PASSWORD#]"
expect-regex "/(?:N|n)ew\\s+password:\\s*$/"
write "[#NEW_PASSWORD#]"
exec ""
expect "*etype*:*"
exec "[#new_password#]"
no-expect "*unchanged*"
expect-regex "/(a+)+b|success(?:fully)?/i"
`;
    const { error, given } = await change(passwd(), { template });
    expect(error).toBeUndefined();
    expect(given).toEqual(ALL);
  });

  test.each([
    ["windows", "\r"],
    ["unix", ""],
  ])("ends its lines as it says: %s", async (mode, ending) => {
    const { error, given } = await change(passwd(), { template: `set-new-line-mode ${mode}\n${OWN}` });
    expect(error).toBeUndefined();
    expect(given).toEqual(ALL.map((line) => line + ending));
  });

  test("that leaves after the session is over has left", async () => {
    const play: Play = async (device) => {
      await passwd()(device);
      device.close();
    };
    const { error } = await change(play, { template: `${OWN}exec "exit"\nend\nexec "never"\n` });
    expect(error).toBeUndefined();
  });
});
