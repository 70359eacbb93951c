import type { OperationKind } from "../../contracts/states.ts";
import type { TagName } from "./script.ts";
import { isOpenEnded } from "./tags.ts";

/** Of kinds that set a password. */
const OWNED_TAGS: readonly TagName[] = ["NEW_PASSWORD", "PASSWORD", "CURRENT_PASSWORD"];

const GROUP_KINDS: readonly OperationKind[] = [
  "user-creation-in-group",
  "user-deletion-in-group",
  "group-creation",
  "group-deletion",
];
const USER_KINDS: readonly OperationKind[] = [
  "user-creation",
  "user-deletion",
  "user-creation-in-group",
  "user-deletion-in-group",
  "ephemeral-credential-creation",
];
const KINDS_OF_TAG: Readonly<Partial<Record<TagName, readonly OperationKind[]>>> = {
  // useradd and its like take a group, too.
  GRUPO_NOME: [...GROUP_KINDS, "user-creation", "ephemeral-credential-creation"],
  UID: USER_KINDS,
  HOME: USER_KINDS,
  SHELL: USER_KINDS,
};

/** Whether a tag stands for a password that only some kinds of operation have. */
export function isOwnedTag(name: TagName): boolean {
  return OWNED_TAGS.includes(name);
}

/** The kinds of operation that give a value to a tag; undefined: all, or those that own a password. */
export function kindsOf(name: TagName): readonly OperationKind[] | undefined {
  return isOpenEnded(name) ? ["secret-management-automation"] : KINDS_OF_TAG[name];
}
