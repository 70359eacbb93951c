/** What people and failures do in a sequence: made from a seed, so that a failing run can be had again. */
import fc from "fast-check";

/** Rita requests and may approve, though never her own; Ada and Bob approve. */
export type Person = "Rita" | "Ada" | "Bob";

/** Asked of one operation, or of all that the sequence ever made. */
interface Breadth {
  readonly all: boolean;
}

export type Command =
  | { readonly do: "request"; readonly inMs: number }
  | ({ readonly do: "approve" | "reject"; readonly by: Person } & Breadth)
  | ({ readonly do: "cancel" | "run-now" } & Breadth)
  | ({ readonly do: "restart"; readonly inMs: number } & Breadth)
  | { readonly do: "look" }
  /** The approval period ends so soon: periods are whole minutes, and a test has seconds. */
  | { readonly do: "shorten"; readonly ms: number }
  | { readonly do: "edit-credential"; readonly what: CredentialEdit }
  | { readonly do: "edit-device"; readonly what: DeviceEdit }
  | { readonly do: "wait"; readonly ms: number }
  /** Until the operation has ended, at most so long. */
  | { readonly do: "await-end"; readonly ms: number }
  | { readonly do: "race"; readonly between: readonly Command[] };

/** Notes bind no approval; each of the others changes what would be done. */
export type CredentialEdit = "notes" | "info" | "authenticator" | "automatic-off" | "automatic-on";
export type DeviceEdit = "notes" | "settings" | "direct" | "proxy" | "closed";

/** Who must agree to the changes of a sequence's credential; each is a policy. */
export const RULES = {
  nobody: undefined,
  one: { levels: [{ approvals: 1, approvers: [] }], expiresMinutes: 1 },
  two: { levels: [{ approvals: 2, approvers: [] }], expiresMinutes: 1 },
  levels: {
    levels: [
      { approvals: 1, approvers: ["Ada"] },
      { approvals: 1, approvers: ["Ada", "Bob"] },
    ],
    expiresMinutes: 1,
  },
} as const;
export type Rule = keyof typeof RULES;

/** The story of one credential. */
export interface Sequence {
  readonly rule: Rule;
  readonly through: "own" | "administrator";
  /** Pause before it begins. Milliseconds. */
  readonly after: number;
  readonly commands: readonly Command[];
}

export type Fault =
  | { readonly fault: "kill" | "stop"; readonly worker: 0 | 1 }
  | { readonly fault: "freeze"; readonly worker: 0 | 1; readonly ms: number }
  | { readonly fault: "temporal"; readonly downMs: number }
  | { readonly fault: "unreachable"; readonly ms: number }
  | { readonly fault: "cut" | "sweep" };

/** A failure of what all sequences share, and the pause before it. Milliseconds. */
export type PlannedFault = Fault & { readonly after: number };

const ms = (min: number, max: number) => fc.integer({ min, max });
const inMs = fc.oneof({ weight: 3, arbitrary: fc.constant(0) }, { weight: 1, arbitrary: ms(300, 4000) });
const all = fc.constantFrom(false, false, false, true);
const many = <T>(arbitrary: fc.Arbitrary<T>, from: number, to: number) =>
  fc.array(arbitrary, { minLength: from, maxLength: to, size: "max" });

const approve = fc.record({
  do: fc.constant("approve"),
  by: fc.constantFrom<Person>("Ada", "Bob", "Ada", "Bob", "Rita"),
  all,
});
const reject = fc.record({ do: fc.constant("reject"), by: fc.constantFrom<Person>("Ada", "Bob", "Rita"), all });
const shorten = fc.record({ do: fc.constant("shorten"), ms: ms(0, 1500) });
const simple = fc.record({ do: fc.constantFrom("cancel", "run-now"), all });
const restart = fc.record({ do: fc.constant("restart"), inMs, all });
const request = fc.record({ do: fc.constant("request"), inMs });

/** What may be done to an operation at any moment; most of it is refused in most states, and must then say so. */
const act: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: approve },
  { weight: 1, arbitrary: reject },
  { weight: 1, arbitrary: shorten },
  { weight: 5, arbitrary: simple },
  { weight: 2, arbitrary: restart },
  { weight: 2, arbitrary: request },
);

const editDevice = (...kinds: DeviceEdit[]) =>
  fc.record({ do: fc.constant("edit-device"), what: fc.constantFrom(...kinds) });
const editCredential = (...kinds: CredentialEdit[]) =>
  fc.record({ do: fc.constant("edit-credential"), what: fc.constantFrom(...kinds) });
const edit: fc.Arbitrary<Command> = fc.oneof(
  editCredential("notes", "info", "authenticator"),
  editDevice("notes", "settings", "direct", "proxy", "proxy"),
);

const pause = fc.record({ do: fc.constant("wait"), ms: ms(0, 700) });
const awaitEnd = fc.record({ do: fc.constant("await-end"), ms: ms(300, 4000) });

const race: fc.Arbitrary<Command> = fc.record({
  do: fc.constant("race"),
  between: many(fc.oneof({ weight: 5, arbitrary: act }, { weight: 1, arbitrary: edit }), 2, 3),
});

const anything: fc.Arbitrary<Command> = fc.oneof(
  { weight: 4, arbitrary: act },
  { weight: 3, arbitrary: race },
  { weight: 2, arbitrary: edit },
  { weight: 3, arbitrary: pause },
  { weight: 1, arbitrary: fc.constant<Command>({ do: "look" }) },
);

/** All whom a rule asks agree, one after another or in the same moment. */
function agreement(rule: Rule): fc.Arbitrary<Command[]> {
  const by = (person: Person): Command => ({ do: "approve", by: person, all: false });
  switch (rule) {
    case "nobody":
      return fc.constant([]);
    case "one":
      return fc.constantFrom([by("Ada")], [by("Bob")], [{ do: "race", between: [by("Ada"), by("Bob")] }]);
    case "two":
      return fc.constantFrom([by("Bob"), by("Ada")], [{ do: "race", between: [by("Ada"), by("Bob")] }]);
    case "levels":
      return fc.constant([by("Ada"), by("Bob")]);
  }
}

/** What makes an operation end in error, and what mends it. */
const trouble: fc.Arbitrary<readonly [Command, Command]> = fc.oneof(
  fc.tuple(editDevice("closed"), editDevice("direct", "proxy")),
  fc.tuple(editCredential("automatic-off"), editCredential("automatic-on")),
);

/** One that nobody agrees to, or that waits for long, would keep its credential from further adventures. */
const clearing: fc.Arbitrary<Command[]> = fc.oneof(
  awaitEnd.map((wait) => [wait]),
  fc.tuple(awaitEnd, simple, awaitEnd),
  fc.tuple(shorten, awaitEnd, simple),
);

/** An operation is requested, perhaps agreed to, and things happen to it. */
function adventure(rule: Rule): fc.Arbitrary<Command[]> {
  const perhaps = fc.oneof({ weight: 2, arbitrary: agreement(rule) }, { weight: 1, arbitrary: fc.constant([]) });
  return fc
    .tuple(request, many(anything, 0, 2), perhaps, many(anything, 1, 4), clearing)
    .map(([first, early, agreed, late, last]) => [first, ...early, ...agreed, ...late, ...last]);
}

/** An operation ends in error and is restarted, perhaps more than once. */
function failure(rule: Rule): fc.Arbitrary<Command[]> {
  return fc
    .tuple(ms(200, 600), trouble, agreement(rule), awaitEnd, many(fc.oneof(restart, anything), 0, 2), restart, awaitEnd)
    .map(([soon, [breaks, mends], agreed, ended, early, again, last]) => [
      { do: "request", inMs: soon },
      ...agreed,
      breaks,
      ended,
      ...early,
      mends,
      again,
      ...agreed,
      last,
    ]);
}

/** An operation is left alone. */
function plain(rule: Rule): fc.Arbitrary<Command[]> {
  return fc.tuple(request, agreement(rule), awaitEnd).map(([first, agreed, last]) => [first, ...agreed, last]);
}

function sequences(episodes: number): fc.Arbitrary<Sequence> {
  return fc.constantFrom<Rule>("nobody", "nobody", "one", "two", "levels").chain((rule) => {
    const episode = fc.oneof(
      { weight: 4, arbitrary: adventure(rule) },
      { weight: 2, arbitrary: failure(rule) },
      { weight: 1, arbitrary: plain(rule) },
    );
    return fc.record({
      rule: fc.constant(rule),
      through: fc.constantFrom("own", "own", "administrator"),
      after: ms(0, 2000),
      commands: many(episode, episodes, episodes).map((each) => each.flat()),
    });
  });
}

const worker = fc.constantFrom(0 as const, 1 as const);
const after = ms(500, 2500);

function planned(fault: fc.Arbitrary<Fault>): fc.Arbitrary<PlannedFault> {
  return fc.tuple(fault, after).map(([one, pauseBefore]) => ({ ...one, after: pauseBefore }));
}

const FAULTS = {
  kill: planned(fc.record({ fault: fc.constant("kill"), worker })),
  stop: planned(fc.record({ fault: fc.constant("stop"), worker })),
  freeze: planned(fc.record({ fault: fc.constant("freeze"), worker, ms: ms(300, 5000) })),
  temporal: planned(fc.record({ fault: fc.constant("temporal"), downMs: ms(100, 2500) })),
  unreachable: planned(fc.record({ fault: fc.constant("unreachable"), ms: ms(500, 4000) })),
  little: planned(fc.record({ fault: fc.constantFrom("cut", "sweep") })),
};

/** Each kind of failure at least once, and some more, in any order. */
function plans(more: number): fc.Arbitrary<PlannedFault[]> {
  const { kill, stop, freeze, temporal, unreachable, little } = FAULTS;
  return fc
    .tuple(
      fc.tuple(kill, stop, freeze, temporal, unreachable, little),
      fc.array(fc.oneof(kill, freeze, little), { minLength: more, maxLength: more, size: "max" }),
      fc.infiniteStream(fc.double({ min: 0, max: 1, noNaN: true })),
    )
    .map(([each, others, order]) =>
      [...each, ...others]
        .map((fault) => ({ fault, place: order.next().value as number }))
        .toSorted((a, b) => a.place - b.place)
        .map(({ fault }) => fault),
    );
}

export interface Plan {
  readonly seed: number;
  readonly sequences: readonly Sequence[];
  readonly faults: readonly PlannedFault[];
}

/** The same seed and sizes give the same plan. What comes of it also depends on time. */
export function makePlan(seed: number, sizes: { sequences: number; episodes: number; moreFaults: number }): Plan {
  const [faults = []] = fc.sample(plans(sizes.moreFaults), { seed, numRuns: 1 });
  return { seed, sequences: fc.sample(sequences(sizes.episodes), { seed, numRuns: sizes.sequences }), faults };
}

/** A line a person can read, and do again by hand. */
export function describeCommand(command: Command): string {
  if (command.do === "race") return `race(${command.between.map(describeCommand).join(" | ")})`;
  const { do: what, ...rest } = command;
  return [what, ...Object.values(rest).map(String)].join(" ");
}
