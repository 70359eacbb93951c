/** Users of a private sshd who are made with a password, as a test asks for them. */
import type { Estate } from "../helpers/estate.ts";
import { CREATE } from "./ephemeral-scene.ts";
import type { JobScene } from "./jobs-scene.ts";

/**
 * Registers an account, and asks for its creation.
 * @param prepare what is done before with its name, which no account has
 */
export async function requestUser(
  scene: JobScene,
  estate: Estate,
  create = CREATE,
  prepare?: (username: string) => Promise<void>,
) {
  const { deviceId, rootId } = await scene.register(estate);
  const username = scene.freshName();
  await prepare?.(username);
  const credentialId = await estate.addCredential({
    deviceId,
    plugin: "ssh",
    username,
    useOwnCredential: false,
    authenticationCredentialId: rootId,
  });
  const templateId = await scene.addTemplate(estate, "user-creation", create);
  const again = () => scene.request(estate, { kind: "user-creation", templateId, credentialId });
  return { code: await again(), credentialId, username, templateId, again };
}
