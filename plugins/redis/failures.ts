import type { ErrorCode } from "../../contracts/errors.ts";
import { PluginFailure } from "../plugin.ts";
import type { RespError } from "./resp.ts";

/** By the first word of the server's error: https://redis.io/docs/latest/operate/oss_and_stack/management/security/acl/ */
const WORDS: Readonly<Record<string, ErrorCode>> = {
  WRONGPASS: "auth.rejected",
  NOPERM: "auth.not-permitted",
  // The account was let in and put out again meanwhile, or protected mode lets nobody in.
  NOAUTH: "auth.not-permitted",
  DENIED: "auth.not-permitted",
  LOADING: "target.busy",
  BUSY: "target.busy",
  MASTERDOWN: "target.busy",
  MAXCLIENTS: "target.busy",
};

/**
 * What an error of the server means. Its text is left out: some repeat the words of the command.
 * @param doing names the step
 */
export function serverFailure(error: RespError, doing: string, options: { refused?: boolean } = {}): PluginFailure {
  const said = `Redis answered ${error.word || "an error"} to ${doing}.`;
  return new PluginFailure(WORDS[error.word] ?? "target.unexpected", said, options);
}
