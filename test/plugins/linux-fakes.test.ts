/** Servers that misbehave in ways no real sshd can be made to. */
import type { AuthContext, KeyboardAuthContext, ServerChannel } from "ssh2";
import { describe, expect, test } from "vitest";
import { linux } from "../../plugins/linux/index.ts";
import { startFakeSsh, linesOf, type FakeBehaviour } from "../helpers/fake-ssh.ts";
import { call, FIRST, freshPassword, gate, login, otherChange, ownChange, withSession } from "../helpers/ssh.ts";

async function onFake<T>(
  behaviour: FakeBehaviour,
  use: (device: Parameters<typeof linux.open>[0]) => Promise<T>,
): Promise<T> {
  const fake = await startFakeSsh(behaviour);
  try {
    return await use(fake.device);
  } finally {
    fake.stop();
  }
}

/** Asks rounds of prompts and keeps the answers; accepts at the end. */
function rounds(given: string[][], ...all: (string | { prompt: string; echo: boolean })[][]) {
  return (context: AuthContext) => {
    if (context.method !== "keyboard-interactive") return context.reject();
    ask(context, given, all);
  };
}

function ask(context: KeyboardAuthContext, given: string[][], [round, ...rest]: Parameters<typeof rounds>[1][]): void {
  if (round === undefined) return context.accept();
  const prompts = round.map((each) => (typeof each === "string" ? { prompt: each, echo: false } : each));
  context.prompt(prompts, "", "", (answers) => {
    given.push(answers);
    ask(context, given, rest);
  });
}

const letIn = (context: AuthContext) =>
  context.method === "password" ? context.accept() : context.reject(["password"]);
const owner = login("kt_own", FIRST);

describe.concurrent("linux: questions at log-in", () => {
  test.each([
    { name: "two prompts in one round", asked: [["Password: ", "Code: "]], answers: [] },
    { name: "a password prompt that echoes", asked: [[{ prompt: "Password: ", echo: true }]], answers: [] },
    { name: "a question before the password", asked: [["Accept the terms? "], ["Password: "]], answers: [] },
    { name: "a new password", asked: [["New password: "]], answers: [] },
    { name: "another password", asked: [["Token password: "]], answers: [] },
    { name: "a one-time password", asked: [["One-time password (OTP 99): "]], answers: [] },
    { name: "the password twice", asked: [["Password: "], ["Password: "]], answers: [[FIRST]] },
  ])("$name: a person is needed", async ({ asked, answers }) => {
    const given: string[][] = [];
    await onFake({ authenticate: rounds(given, ...asked) }, async (device) => {
      await expect(linux.open(device, owner, call())).rejects.toMatchObject({ code: "target.needs-human" });
      expect((await linux.verify(device, owner, call())).code).toBe("target.needs-human");
    });
    expect(given).toEqual([...answers, ...answers]);
  });

  test.each([
    "Password:",
    "password: ",
    "Welcome. Contact support for questions:\nYour code: of conduct\n\u001b[1;33mPassword:\u001b[0m ",
    "kt_own's password: ",
    "Password for kt_own@host:",
    "(kt_own@host) Password: ",
  ])("%j is a password prompt", async (prompt) => {
    const given: string[][] = [];
    await onFake({ authenticate: rounds(given, [prompt]) }, async (device) => {
      expect((await linux.verify(device, owner, call())).code).toBe("verify.accepted");
    });
    expect(given).toEqual([[FIRST]]);
  });

  test("keyboard-interactive that is refused without a question leaves the password unused: it goes by password", async () => {
    await onFake({ authenticate: letIn }, async (device) => {
      expect((await linux.verify(device, owner, call())).code).toBe("verify.accepted");
    });
  });

  test("a server that hangs up on the password proves nothing", async () => {
    const authenticate: FakeBehaviour["authenticate"] = (context, hangUp) =>
      context.method === "password" ? hangUp() : context.reject(["password"]);
    await onFake({ authenticate }, async (device) => {
      await expect(linux.open(device, owner, call())).rejects.toMatchObject({ code: "target.connection-lost" });
      const said = await linux.verify(device, owner, call());
      expect(said).toEqual({ verdict: "unknown", code: "target.connection-lost" });
    });
  });

  test("a change asked for in SSH's own way is not made", async () => {
    let changed = false;
    const authenticate: FakeBehaviour["authenticate"] = (context) => {
      if (context.method !== "password") return context.reject(["password"]);
      context.requestChange("Your password has expired.", () => {
        changed = true;
      });
    };
    await onFake({ authenticate }, async (device) => {
      await expect(linux.open(device, owner, call())).rejects.toMatchObject({ code: "auth.must-change" });
    });
    expect(changed).toBe(false);
  });

  test("a server that never answers the password is given up", async () => {
    const authenticate: FakeBehaviour["authenticate"] = (context) =>
      context.method === "password" ? undefined : context.reject(["password"]);
    await onFake({ authenticate }, async (device) => {
      const said = await linux.verify(device, owner, call({ connectTimeoutMs: 500 }));
      expect(said).toEqual({ verdict: "unknown", code: "target.timeout" });
    });
  });
});

/** Writes a text one byte at a time, each in a packet of its own. */
async function drip(stream: ServerChannel, text: string): Promise<void> {
  for (const byte of Buffer.from(text)) {
    stream.write(Buffer.from([byte]));
    await new Promise((resolve) => setImmediate(resolve));
  }
}

const markOf = (command: string) => /keyturn-[0-9a-f]+/.exec(command)?.[0] ?? "";

describe.concurrent("linux: dialogues of a fake passwd", () => {
  /** Plays a dialogue: prompts, with one line read after each, then the last words and perhaps an exit code. */
  function play(prompts: string[], ending: { text: string; exit?: number }, given: string[]): FakeBehaviour {
    return {
      authenticate: letIn,
      run: (stream, command) => {
        const next = linesOf(stream);
        void (async () => {
          await drip(stream, `New password: \r\n${markOf(command)}\r\n`);
          for (const prompt of prompts) {
            await drip(stream, prompt);
            given.push(await next());
          }
          await drip(stream, ending.text);
          if (ending.exit !== undefined) stream.exit(ending.exit);
          stream.close();
        })();
      },
    };
  }

  const changed = { text: "\r\npasswd: password updated successfully\r\n", exit: 0 };
  const next = freshPassword();

  test.each([
    { name: "Debian", prompts: ["Current password: ", "\r\nNew password: ", "\r\nRetype new password: "] },
    { name: "old Red Hat", prompts: ["(current) UNIX password: ", "\r\nNew password: ", "\r\nRetype new password: "] },
    { name: "SUSE", prompts: ["Current Password: ", "\r\nNew Password: ", "\r\nReenter New Password: "] },
    { name: "Kerberos", prompts: ["Current password:", "\nEnter new password:", "\nVerify new password again: "] },
    {
      name: "colours, cut anywhere",
      prompts: [
        "\u001b[1;32mCurrent\u001b[0m password\u001b[31m:\u001b[0m ",
        "\r\n\u001b]0;title\u0007New \u001b[1mUNIX\u001b[22m password: ",
        "\r\n\u001b[?25lRetype new password: \u001b[K",
      ],
    },
  ])("$name", async ({ prompts }) => {
    const given: string[] = [];
    await onFake(play(prompts, changed, given), (device) =>
      withSession(linux.open(device, owner, call()), (session) =>
        session.apply(ownChange("kt_own", FIRST, next), call(), gate().pass),
      ),
    );
    expect(given).toEqual([FIRST, next, next]);
  });

  test.each([
    {
      name: "no exit code, but the success is told",
      ending: { text: changed.text },
      code: undefined,
      refused: undefined,
    },
    { name: "no exit code and no word", ending: { text: "" }, code: "target.connection-lost", refused: false },
    {
      name: "an exit code nobody explains",
      ending: { text: "hm\r\n", exit: 1 },
      code: "target.unexpected",
      refused: false,
    },
    {
      name: "a locked password file",
      ending: { text: "\r\npasswd: Authentication token lock busy\r\npasswd: password unchanged\r\n", exit: 5 },
      code: "target.busy",
      refused: true,
    },
  ])("after the last answer: $name", async ({ ending, code, refused }) => {
    const prompts = ["Current password: ", "\r\nNew password: ", "\r\nRetype new password: "];
    await onFake(play(prompts, ending, []), (device) =>
      withSession(linux.open(device, owner, call()), async (session) => {
        const applied = session.apply(ownChange("kt_own", FIRST, next), call(), gate().pass);
        if (code === undefined) await applied;
        else await expect(applied).rejects.toMatchObject({ code, refused });
      }),
    );
  });

  test("a repetition that is asked for too late is not given", async () => {
    const given: string[] = [];
    const authenticate = letIn;
    const run = (stream: ServerChannel, command: string) => {
      const line = linesOf(stream);
      void (async () => {
        stream.write(`${markOf(command)}\nNew password: `);
        given.push(await line());
        await new Promise((resolve) => setTimeout(resolve, 5500));
        stream.write("\nRetype new password: ");
        given.push(await line());
      })().catch(() => undefined);
    };
    await onFake({ authenticate, run }, (device) =>
      withSession(linux.open(device, owner, call()), (session) =>
        expect(session.apply(ownChange("kt_own", FIRST, next), call(), gate().pass)).rejects.toMatchObject({
          code: "target.timeout",
          refused: true,
        }),
      ),
    );
    expect(given).toEqual([next]);
  });
});

test.concurrent("linux: a device that floods us is given up", async () => {
  const run = (stream: ServerChannel) => {
    stream.on("error", () => undefined);
    const flood = () => void (stream.writable && stream.write("A long greeting. ".repeat(100), flood));
    flood();
  };
  await onFake({ authenticate: letIn, run }, (device) =>
    withSession(linux.open(device, owner, call()), async (session) => {
      const applied = session.apply(ownChange("kt_own", FIRST, freshPassword()), call(), gate().pass);
      await expect(applied).rejects.toMatchObject({ code: "target.unexpected" });
    }),
  );
});

test.concurrent("linux: a command that ends as soon as it starts is heard to the end", async () => {
  // Its start, its words, its exit code and its end mostly reach the plugin in one piece.
  const run = (stream: ServerChannel) => {
    stream.write("This account is currently not available.\n");
    stream.exit(1);
    stream.close();
  };
  await onFake({ authenticate: letIn, run }, async (device) => {
    for (let round = 0; round < 20; round += 1) {
      await withSession(linux.open(device, owner, call()), (session) =>
        expect(session.apply(otherChange("kt_other", FIRST), call(), gate().pass)).rejects.toMatchObject({
          code: "auth.not-permitted",
          message: "This account is currently not available.",
        }),
      );
    }
  });
});

test.concurrent.each<{ when: string } & Partial<FakeBehaviour>>([
  { when: "at the terminal", noTerminal: true },
  { when: "at the start of passwd", run: (stream) => stream.close() },
])("linux: a connection that is lost $when is not taken for a refusal", async (behaviour) => {
  await onFake({ authenticate: letIn, ...behaviour }, (device) =>
    withSession(linux.open(device, owner, call()), (session) =>
      expect(session.apply(ownChange("kt_own", FIRST, freshPassword()), call(), gate().pass)).rejects.toMatchObject({
        code: "target.connection-lost",
      }),
    ),
  );
});

describe.concurrent("linux: answers of a fake chpasswd", () => {
  test.each([
    { name: "no exit code", end: (stream: ServerChannel) => stream.close(), code: "target.connection-lost" },
    {
      name: "an exit code nobody explains",
      end: (stream: ServerChannel) => {
        stream.exit(1);
        stream.close();
      },
      code: "target.unexpected",
    },
    { name: "silence", end: () => undefined, code: "target.timeout" },
  ])("$name: the effect is not known", async ({ end, code }) => {
    const given: string[] = [];
    const next = freshPassword();
    const run = (stream: ServerChannel, command: string) => {
      const line = linesOf(stream);
      void (async () => {
        given.push(await line());
        await drip(stream, `${markOf(command)}-ready\n`);
        given.push(await line());
        end(stream);
      })();
    };
    await onFake({ authenticate: letIn, run }, (device) =>
      withSession(linux.open(device, owner, call()), (session) =>
        expect(
          session.apply(otherChange("kt_other", next), call({ readTimeoutMs: 3000 }), gate().pass),
        ).rejects.toMatchObject({ code, refused: false }),
      ),
    );
    expect(given).toEqual(["kt_other", `kt_other:${next}`]);
  });
});
