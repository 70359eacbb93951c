import { BerWriter } from "ldapts";
import type { Secret } from "../../contracts/secret.ts";

/** Object identifier of the password modify operation (RFC 3062). */
export const PASSWORD_MODIFY = "1.3.6.1.4.1.4203.1.11.1";

/**
 * The request value: SEQUENCE { userIdentity [0], oldPasswd [1] OPTIONAL, newPasswd [2] } (RFC 3062, section 2).
 * @param dn of the entry whose password is set
 */
export function passwordModify({ dn, old, next }: { dn: string; old?: Secret | undefined; next: Secret }): Buffer {
  const writer = new BerWriter();
  writer.startSequence();
  writer.writeString(dn, 0x80);
  if (old) writer.writeString(old.reveal(), 0x81);
  writer.writeString(next.reveal(), 0x82);
  writer.endSequence();
  return writer.buffer;
}
