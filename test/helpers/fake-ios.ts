import { createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";

export interface IosUser {
  password: string;
  /** How the configuration keeps it. */
  readonly keyword: "secret" | "password";
  readonly privilege: 1 | 15;
}

export interface FakeIosOptions {
  readonly users: Record<string, IosUser>;
  /** What `enable` wants of users below privilege 15; nothing when absent. */
  readonly enablePassword?: string;
  /** What it answers to `write memory`: it is written, it asks first, it cannot. */
  readonly writes?: "yes" | "confirm" | "no";
  /** What it answers to a line that sets a password. */
  readonly refuses?: string;
}

export interface FakeIos {
  readonly port: number;
  /** Users of the running and of the saved configuration, with their passwords. */
  readonly running: Record<string, IosUser>;
  saved(): Record<string, string>;
  /** Every line that was typed. */
  readonly lines: string[];
  stop(): void;
}

/** An imitation of IOS with local users, over Telnet: no router with local users runs on a test machine. */
export async function startFakeIos(options: FakeIosOptions): Promise<FakeIos> {
  const running = structuredClone(options.users);
  const passwords = () => Object.fromEntries(Object.entries(running).map(([name, { password }]) => [name, password]));
  let saved = passwords();
  const lines: string[] = [];
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    serve(socket, { options, running, lines, save: () => (saved = passwords()) });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    running,
    saved: () => saved,
    lines,
    stop() {
      server.close();
      for (const socket of sockets) socket.destroy();
    },
  };
}

interface Router {
  readonly options: FakeIosOptions;
  readonly running: Record<string, IosUser>;
  readonly lines: string[];
  save(): void;
}

type Waits = "username" | "password" | "enable" | "confirm" | "command";

function serve(socket: Socket, router: Router): void {
  let waits = "username" as Waits;
  let user = "";
  let failures = 0;
  let level = 1;
  let configuring = false;
  const prompt = () => `core-sw1${configuring ? "(config)" : ""}${level === 15 ? "#" : ">"}`;
  const say = (text: string) => void socket.write(text.replaceAll("\n", "\r\n"));

  function logIn(line: string): void {
    const right = router.running[user]?.password === line;
    if (right) {
      level = router.running[user]?.privilege ?? 1;
      waits = "command";
      say(`\n${prompt()}`);
      return;
    }
    failures += 1;
    if (failures === 3) socket.end("\r\n% Login invalid\r\n");
    waits = "username";
    say("\n% Login invalid\n\nUsername: ");
  }

  function command(line: string): string {
    const [first = "", name = "", keyword = "", value = ""] = line.split(" ");
    if (line === "enable" && level === 1) {
      if (router.options.enablePassword === undefined) level = 15;
      else waits = "enable";
      return waits === "enable" ? "Password: " : "";
    }
    if (line === "configure terminal" && level === 15) configuring = true;
    else if (line === "end") configuring = false;
    else if (line === "write memory" && level === 15) return write();
    else if (line.startsWith("show running-config | include ^username")) return shown();
    else if (configuring && first === "username") return set({ name, keyword, value });
    else if (line !== "" && line !== "terminal length 0") return "% Invalid input detected at '^' marker.\n";
    return "";
  }

  function shown(): string {
    if (level !== 15) return "% Invalid input detected at '^' marker.\n";
    const users = Object.entries(router.running);
    return users
      .map(([name, each]) => `username ${name} privilege ${each.privilege} ${each.keyword} 9 $9$hash-of-${name}\n`)
      .join("");
  }

  function set({ name, keyword, value }: { name: string; keyword: string; value: string }): string {
    if (router.options.refuses !== undefined) return `${router.options.refuses}\n`;
    const present = router.running[name];
    if (present && present.keyword !== keyword) return "ERROR: Can not have both a user password and a user secret.\n";
    router.running[name] = { keyword: "secret", privilege: 1, ...present, password: value };
    return "";
  }

  function write(): string {
    if (router.options.writes === "no") return "startup-config file open failed (Device or resource busy)\n";
    if (router.options.writes === "confirm") {
      waits = "confirm";
      return "Overwrite the previous NVRAM configuration?[confirm]";
    }
    router.save();
    return "Building configuration...\n[OK]\n";
  }

  function answer(line: string): void {
    router.lines.push(line);
    if (waits === "username") {
      user = line;
      waits = "password";
      say(`${line}\nPassword: `);
    } else if (waits === "password") {
      logIn(line);
    } else if (waits === "enable") {
      waits = "command";
      if (line === router.options.enablePassword) level = 15;
      say(`\n${level === 15 ? "" : "% Bad secrets\n\n"}${prompt()}`);
    } else if (waits === "confirm") {
      waits = "command";
      router.save();
      say(`\nBuilding configuration...\n[OK]\n${prompt()}`);
    } else {
      const said = command(line);
      const open = isQuestion(waits);
      say(`${line}\n${said}${open ? "" : prompt()}`);
    }
  }

  let text = "";
  socket.on("error", () => undefined);
  socket.on("data", (bytes) => {
    text += bytes.toString("latin1");
    for (let at = text.indexOf("\r\n"); at >= 0; at = text.indexOf("\r\n")) {
      const line = text.slice(0, at);
      text = text.slice(at + 2);
      answer(line);
    }
  });
  say("\nUser Access Verification\n\nUsername: ");
}

function isQuestion(waits: Waits): boolean {
  return waits === "enable" || waits === "confirm";
}
