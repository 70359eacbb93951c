/**
 * The Telnet protocol around what is said: commands are taken out and answered, bytes that look like commands are
 * escaped.
 *
 * Sources: RFC 854 and 855 (the protocol and its options), 856 (binary), 857 (echo), 858 (suppress go ahead), 1073
 * (window size), 1091 (terminal type), 1143 (answers that never loop).
 */

const IAC = 255;
const DONT = 254;
const DO = 253;
const WONT = 252;
const WILL = 251;
const SB = 250;
const SE = 240;
const NUL = 0;
const LF = 10;
const CR = 13;

const BINARY = 0;
const ECHO = 1;
const SUPPRESS_GO_AHEAD = 3;
const TERMINAL_TYPE = 24;
const WINDOW_SIZE = 31;

/** What we do when asked. */
const OURS: ReadonlySet<number> = new Set([BINARY, SUPPRESS_GO_AHEAD, TERMINAL_TYPE, WINDOW_SIZE]);
/** What the device may do. */
const THEIRS: ReadonlySet<number> = new Set([BINARY, ECHO, SUPPRESS_GO_AHEAD]);

/** Columns and lines as over SSH: wide, so that few lines are wrapped. */
const WINDOW = [0, 200, 0, 50];
const NAME = Buffer.from("VT100", "ascii");
/** `IS` and `SEND` of RFC 1091. */
const IS = 0;
const SEND = 1;
/** A subnegotiation that is longer says nothing that we know. Bytes. */
const LONGEST = 512;

type State = "data" | "return" | "command" | "option" | "sub" | "sub-command";

export class Codec {
  readonly #answer: (bytes: Buffer) => void;
  readonly #ours = new Set<number>();
  readonly #theirs = new Set<number>();
  #state: State = "data";
  #verb = 0;
  #sub: number[] = [];

  /** @param answer sends bytes as they are */
  constructor(answer: (bytes: Buffer) => void) {
    this.#answer = answer;
  }

  /** What the device said, without commands; they may be cut anywhere between two pieces. */
  decode(bytes: Buffer): Buffer {
    const data: number[] = [];
    for (const byte of bytes) this.#take(byte, data);
    return Buffer.from(data);
  }

  /** What is sent for these bytes. */
  encode(bytes: Buffer): Buffer {
    const sent: number[] = [];
    for (const [index, byte] of bytes.entries()) {
      sent.push(byte);
      if (byte === IAC) sent.push(IAC);
      // Outside binary mode a lone carriage return is followed by NUL.
      if (byte === CR && bytes[index + 1] !== LF && !this.#ours.has(BINARY)) sent.push(NUL);
    }
    return Buffer.from(sent);
  }

  #take(byte: number, data: number[]): void {
    switch (this.#state) {
      case "return":
        this.#state = "data";
        if (byte !== NUL) this.#take(byte, data);
        return;
      case "data":
        if (byte === IAC) this.#state = "command";
        else data.push(byte);
        if (byte === CR) this.#state = "return";
        return;
      case "command":
        this.#command(byte, data);
        return;
      case "option":
        this.#state = "data";
        this.#option(this.#verb, byte);
        return;
      case "sub":
        if (byte === IAC) this.#state = "sub-command";
        else if (this.#sub.length < LONGEST) this.#sub.push(byte);
        return;
      case "sub-command":
        this.#state = byte === SE ? "data" : "sub";
        if (byte === SE) this.#subnegotiation();
        else this.#sub.push(byte);
    }
  }

  #command(byte: number, data: number[]): void {
    this.#state = "data";
    if (byte === IAC) {
      data.push(IAC);
    } else if (byte === SB) {
      this.#sub = [];
      this.#state = "sub";
    } else if (byte >= WILL) {
      this.#verb = byte;
      this.#state = "option";
    }
  }

  /** Answers only what changes something: two sides that confirm each other's confirmations never end. */
  #option(verb: number, option: number): void {
    const [side, known] = verb === DO || verb === DONT ? [this.#ours, OURS] : [this.#theirs, THEIRS];
    const [yes, no] = side === this.#ours ? [WILL, WONT] : [DO, DONT];
    const wanted = verb === DO || verb === WILL;
    if (wanted === side.has(option)) return;
    if (!wanted) side.delete(option);
    else if (known.has(option)) side.add(option);
    this.#answer(Buffer.from([IAC, side.has(option) ? yes : no, option]));
    if (verb === DO && option === WINDOW_SIZE) this.#answer(Buffer.from([IAC, SB, WINDOW_SIZE, ...WINDOW, IAC, SE]));
  }

  #subnegotiation(): void {
    const [option, request] = this.#sub;
    if (option === TERMINAL_TYPE && request === SEND) {
      this.#answer(Buffer.from([IAC, SB, TERMINAL_TYPE, IS, ...NAME, IAC, SE]));
    }
  }
}
