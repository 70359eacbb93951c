import { OPERATION_KINDS, type OperationKind } from "../../contracts/states.ts";
import type { Dialect } from "./dialect.ts";

/** Names of folders that mean a kind of operation, as the original writes them and as people do. */
const KIND_FOLDERS: Readonly<Record<string, OperationKind>> = {
  "password-change": "change-password",
  "change-of-password": "change-password",
  "change-child-password": "child-password-change",
  "activate-credential": "credential-activation",
  "enable-credential": "credential-activation",
  "credential-enable": "credential-activation",
  "credential-enabling": "credential-activation",
  activation: "credential-activation",
  "inactivate-credential": "credential-inactivation",
  "deactivate-credential": "credential-inactivation",
  "disable-credential": "credential-inactivation",
  "credential-deactivation": "credential-inactivation",
  "credential-disable": "credential-inactivation",
  "credential-disabling": "credential-inactivation",
  inactivation: "credential-inactivation",
  "create-user": "user-creation",
  "creation-of-user": "user-creation",
  "new-user": "user-creation",
  "delete-user": "user-deletion",
  "remove-user": "user-deletion",
  "user-exclusion": "user-deletion",
  "add-user-to-group": "user-creation-in-group",
  "create-user-in-group": "user-creation-in-group",
  "delete-user-from-group": "user-deletion-in-group",
  "deletion-of-user-in-group": "user-deletion-in-group",
  "remove-user-from-group": "user-deletion-in-group",
  "create-group": "group-creation",
  "new-group": "group-creation",
  "delete-group": "group-deletion",
  "group-exclusion": "group-deletion",
  "create-ephemeral-credential": "ephemeral-credential-creation",
  "remove-ephemeral-credential": "ephemeral-credential-removal",
  "publish-certificate": "certificate-publication",
  reconcile: "reconcile-password",
};

/** Endings of files. What else stands after a dot belongs to the name: a version. */
const ENDING = /(?<=.)\.(?:txt|text|md|tpl|template|psc|sql|exp|tcl|cfg|conf)$/i;

/** What a file's path says about the template in it. */
export interface TemplateFile {
  /** Undefined when no folder names one. */
  readonly plugin: string | undefined;
  readonly kind: OperationKind | undefined;
  /** The file's name without its ending. */
  readonly name: string;
}

function folderName(folder: string): string {
  return folder
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, "-")
    .replaceAll(/^-|-$/g, "");
}

function kindOf(folder: string): OperationKind | undefined {
  return (
    OPERATION_KINDS.find((kind) => kind === folder) ??
    (Object.hasOwn(KIND_FOLDERS, folder) ? KIND_FOLDERS[folder] : undefined)
  );
}

/**
 * Guesses plugin and kind from `PLUGIN/KIND/NAME`: the folders nearest to the file that name one.
 * @param path with `/` or `\` between its parts
 * @param dialects by kind of plugin
 */
export function guessFromPath(path: string, dialects: Readonly<Record<string, Dialect>>): TemplateFile {
  const parts = path.split(/[/\\]/).filter((part) => part !== "");
  const name = (parts.pop() ?? "").replace(ENDING, "").trim();
  const folders = parts.map(folderName).toReversed();
  const pluginOf = (folder: string) =>
    Object.keys(dialects).find((kind) => kind === folder) ??
    Object.entries(dialects).find(([, dialect]) => dialect.names.some((one) => folderName(one) === folder))?.[0];
  return {
    plugin: folders.map(pluginOf).find((plugin) => plugin !== undefined),
    kind: folders.map(kindOf).find((kind) => kind !== undefined),
    name,
  };
}
