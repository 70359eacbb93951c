import type { TagName } from "./script.ts";

/** A value cannot stand where its tag stands. Names the tag and the reason, never the value. */
export class CannotCarry extends Error {
  override readonly name = "CannotCarry";
  readonly tag: TagName;

  constructor(tag: TagName, reason: string) {
    super(`The value of [#${tag}#] ${reason}.`);
    this.tag = tag;
  }
}
