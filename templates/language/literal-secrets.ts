/** Passwords that stand in a template as they are. */
import { BLOCK } from "./block.ts";
import type { Dialect } from "./dialect.ts";
import { argumentContext } from "./legal.ts";
import type { PlacedCommand } from "./reading.ts";
import { complaint } from "./rules.ts";
import type { Complaint, Text } from "./script.ts";

/** The last words of a wait for a question for a password. What only tells something about passwords asks for none. */
const ASKS =
  /(?:assw(?:or)?d|asscode|assphrase|senha|contrase\S{1,4}|secret)(?:[^:?\n]{0,60}[:?]\W*|\W*)(?:\/[ims]*)?$/i;
const TELLS = /updated|changed|success|expired|incorrect|invalid|fail|mismatch|too |must |do not|don't/i;
/** What may be typed there and is no secret: nothing, an answer, leaving. A line of several words is a command. */
const NO_SECRET = /^(?:y|yes|n|no|s|sim|exit|quit|logout|logoff|end|q|enable|passwd|\p{Cc}*)$|\s/iu;

function literal(text: Text): string | undefined {
  return text.every((part) => typeof part === "string") ? text.join("") : undefined;
}

function pattern(text: Text): string {
  return text.map((part) => (typeof part === "string" ? part : "x")).join("");
}

/** What a command waits for; undefined when it waits for nothing. */
function waitsFor(command: PlacedCommand, dialect: Dialect): string | undefined {
  if (command.name === "no-expect") return undefined;
  const last = command.args.length - 1;
  const context = argumentContext(command, last, dialect);
  const waits = context === "pattern" || context === "regex" || command.name === "read";
  return waits ? pattern(command.args[last] ?? []) : undefined;
}

function isSecret(command: PlacedCommand): boolean {
  const [text] = command.args;
  const typed = text && literal(text)?.trim();
  return typed !== undefined && !NO_SECRET.test(typed);
}

/** Complains about each fixed text that answers a question for a password. */
export function literalSecrets(commands: readonly PlacedCommand[], dialect: Dialect): Complaint[] {
  const complaints: Complaint[] = [];
  let asked = false;
  for (const command of commands) {
    const waited = waitsFor(command, dialect);
    if (waited !== undefined) asked = ASKS.test(waited) && !TELLS.test(waited);
    else if (command.name === BLOCK.arm) asked = false;
    else if (argumentContext(command, 0, dialect) === "typed") {
      if (asked && isSecret(command)) {
        const message =
          "A fixed text answers a question for a password: whoever may read templates knows it. " +
          "[#AUTH_PASSWORD#] stands for one that is kept sealed.";
        complaints.push(complaint("password.literal", message, command));
      }
      asked = false;
    }
  }
  return complaints;
}
