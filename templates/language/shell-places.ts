/** Where tags stand in a line that may be a shell's (POSIX.1-2017, Shell Command Language, 2.2 and 2.6). */
import { type Flat, MARK } from "./flat.ts";

export interface ShellPlace {
  readonly quote: "none" | "single" | "double";
  /** Whether a word may begin here. */
  readonly startsWord: boolean;
  /** Whether only plain characters can stand here, because nobody can tell what would read others. */
  readonly plainOnly: boolean;
  /** Whether a backslash or a dollar sign before it takes what comes first: there has to be something. */
  readonly escaped: boolean;
  /** Whether the quotes around the tag hold a backslash, which `echo -e` and `printf` would read. */
  readonly backslash: boolean;
  /** Whether what looks like a command of `sed` stands around it, whose parts a slash divides. */
  readonly divided: boolean;
}

/** What quotes or parentheses enclose; the line itself is the outermost. */
interface Frame {
  readonly quote: ShellPlace["quote"];
  /** What ends it; empty for the line. */
  readonly close: string;
  readonly start: number;
  /** Whether quoting works otherwise in it: backticks, parameters, arithmetic, `$'…'`. */
  readonly odd: boolean;
  readonly marks: number[];
}

const COMMANDS =
  "passwd|chpasswd|user(?:add|mod|del)|group(?:add|mod|del)|gpasswd|(?:add|del)(?:user|group)|ch(?:age|own|mod|grp|user|sec|sh)|" +
  "(?:mk|rm|ls)user|pwdadm|faillock|pam_tally2?|htpasswd|smbpasswd|pdbedit|id|getent|printf|grep|sed|awk|cat|logger";
/** A line that is surely a POSIX shell's: by its first command, or by one that gets a password from a pipe. */
const POSIX = new RegExp(
  `^\\s*(?:sudo\\s|doas\\s|/(?:usr|bin|sbin|opt|etc|home|root|var|tmp)/|(?:${COMMANDS})(?:\\s|$))` +
    "|\\|\\s*(?:/\\S*/|sudo\\s+)?(?:passwd|chpasswd|smbpasswd|tee)(?:\\s|$)",
);
/** Commands that read their arguments once more, as a shell's line. */
const READS_AGAIN = /(?:^|[\s;&|(/])(?:eval|ssh|rsh|remsh|su|runuser|xargs|watch|find|awk)(?=\s)/;
/** A plain word, which nobody reads as more than that. */
const WORD = new RegExp(`^(?:[\\w./:@=,+${MARK}-]|\\\\[nrt])*$`);
const SED = /(?:^|[\s;'"{])[sy]\//;
const BEFORE_WORD = new RegExp(`[\\s;&|(<>"'${MARK}]`);

/** How deep a line is followed. In a deeper one only plain characters can stand. */
const DEEPEST = 32;
const TOO_DEEP: ShellPlace = {
  quote: "none",
  startsWord: true,
  plainOnly: true,
  escaped: true,
  backslash: true,
  divided: true,
};

/** What begins at a character; undefined when nothing does. */
function opened(
  source: string,
  index: number,
  frame: Frame,
): (Omit<Frame, "start" | "marks"> & { length: number }) | undefined {
  const [char = "", next] = [source[index], source[index + 1]];
  const { odd } = frame;
  if (frame.close === "'") {
    return undefined;
  }
  if (char === "$" && (next === "(" || next === "{")) {
    return { quote: "none", close: next === "(" ? ")" : "}", odd: odd || next === "{", length: 2 };
  }
  if (char === "`") {
    return { quote: "none", close: "`", odd: true, length: 1 };
  }
  if (frame.quote === "double") {
    return undefined;
  }
  switch (char) {
    case "(":
      return { quote: "none", close: ")", odd: odd || source.slice(index - 2, index) === "$(", length: 1 };
    case "'":
      return { quote: "single", close: "'", odd: odd || source[index - 1] === "$", length: 1 };
    case '"':
      return { quote: "double", close: '"', odd, length: 1 };
    default:
      return undefined;
  }
}

/** The places of the tags of a frame that ends. */
function placesIn(source: string, frame: Frame, end: number, isPosix: boolean): [number, ShellPlace][] {
  if (frame.marks.length === 0) {
    return [];
  }
  const inner = source.slice(frame.start, end);
  const isQuoted = frame.quote !== "none";
  const isOdd = !isPosix || frame.odd || (isQuoted && !WORD.test(inner));
  const backslash = isQuoted && inner.includes("\\");
  const divided = SED.test(inner);
  return frame.marks.map((mark) => {
    const before = source[mark - 1] ?? " ";
    const isEscaped = frame.quote !== "single" && (before === "\\" || before === "$");
    const startsWord = mark === frame.start || BEFORE_WORD.test(before);
    return [
      mark,
      { quote: frame.quote, startsWord, plainOnly: isOdd || isEscaped, escaped: isEscaped, backslash, divided },
    ];
  });
}

/** Where each tag of a line stands, by the index of its mark. Takes linear time. */
export function shellPlaces({ source, tags }: Flat): Map<number, ShellPlace> {
  const isPosix = POSIX.test(source) && !READS_AGAIN.test(source);
  const places: [number, ShellPlace][][] = [];
  let frame: Frame = { quote: "none", close: "", start: 0, odd: false, marks: [] };
  const outer: Frame[] = [];
  for (let index = 0; index < source.length; index += 1) {
    if (tags.has(index)) {
      frame.marks.push(index);
    } else if (source[index] === "\\" && frame.quote !== "single") {
      index += tags.has(index + 1) ? 0 : 1;
    } else if (source[index] === frame.close) {
      places.push(placesIn(source, frame, index, isPosix));
      frame = outer.pop() ?? frame;
    } else {
      const inner = opened(source, index, frame);
      if (outer.length > DEEPEST) {
        return new Map([...tags.keys()].map((mark) => [mark, TOO_DEEP]));
      }
      if (inner !== undefined) {
        index += inner.length - 1;
        outer.push(frame);
        frame = { ...inner, start: index + 1, marks: [] };
      }
    }
  }
  for (const open of [...outer, frame]) {
    places.push(placesIn(source, open, source.length, isPosix));
  }
  return new Map(places.flat());
}
