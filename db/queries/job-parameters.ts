/** Whether a request of a job gives what its templates want. Pure. */
import { type JobParameters, TAG_OF_PARAMETER } from "../../contracts/job-parameters.ts";
import { ApiProblem } from "../../contracts/problem.ts";

const NAMES = Object.keys(TAG_OF_PARAMETER) as (keyof JobParameters)[];

/** Tags of what a request cannot give: the original's secrets, applications and access keys. */
const NOBODYS = /^(?:APP|SECRET|ACCESS_KEY|CREDENTIAL)_/;

/**
 * Refuses parameters that are missing, and those that no template would use.
 * @param asked.tags of all templates that will run with these parameters
 * @param asked.username whether another part of the request says whose name it is
 * @throws ApiProblem `operation.parameters`, naming each field and its rule, `operation.template`
 */
export function checkParameters(
  parameters: JobParameters,
  asked: { tags: ReadonlySet<string>; username: boolean },
): void {
  const { tags, username } = asked;
  const strange = [...tags].find((tag) => NOBODYS.test(tag));
  if (strange !== undefined)
    throw new ApiProblem("operation.template", `The template uses [#${strange}#], which no request has a value for.`);
  const errors = NAMES.flatMap((name) => {
    const tag = TAG_OF_PARAMETER[name];
    const given = parameters[name] !== undefined;
    const wanted = tags.has(tag) && !(name === "username" && username);
    if (given === wanted) return [];
    const rule = wanted
      ? `is required: the template uses [#${tag}#]`
      : name === "username" && username
        ? "must not be given: the credential says whose name it is"
        : `must not be given: the template does not use [#${tag}#]`;
    return [{ field: `parameters.${name}`, rule, got: shape(parameters[name]) }];
  });
  if (errors.length === 0) return;
  const detail = errors.map(({ field, rule }) => `${field} ${rule}`).join("; ");
  throw new ApiProblem("operation.parameters", `${detail}.`, { errors });
}

function shape(value: string | undefined): string {
  return value === undefined ? "nothing" : `text of ${value.length} characters`;
}
