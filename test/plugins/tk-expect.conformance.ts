import type { Conformance } from "./conformance-cases.ts";
import { NO_IDENTITY, startOnTelnetd, TELNETD } from "./telnet.conformance.ts";

const LOG_IN = (user: string, password: string) => String.raw`use telnet script
set timeout 20
expect "login:"
send -- "[#${user}#]\r"
expect -re {[Pp]assword: $}
send -- "[#${password}#]\r"
`;

/** An account changes its own password. */
const OWN = String.raw`${LOG_IN("USERNAME", "CURRENT_PASSWORD")}expect "*$ "
send "passwd\r"
expect "?urrent password:"
send -- "[#CURRENT_PASSWORD#]\r"
expect "ew password:"
send -- "[#NEW_PASSWORD#]\r"
expect "etype new password:"
send -- "[#NEW_PASSWORD#]\r"
expect "updated successfully"
send "exit\r"
expect eof
exit 0
`;

/** Who logs in may change the password of others. Written in blocks, as the original's page shows it. */
const OTHER = String.raw`use telnet script
set timeout 20
expect {
    "login:" {
        send -- "[#AUTH_USER#]\r"
        exp_continue
    } -re {[Pp]assword: $} {
        send -- "[#AUTH_PASSWORD#]\r"
        exp_continue
    } -re {[$#] $} {
        send "passwd [#USERNAME#]\r"
    } timeout {
        send_user "FAILURE TIMEOUT"
        exit 1
    } eof { exit 1 }
}
expect {
    "ew password:" { send -- "[#NEW_PASSWORD#]\r"; exp_continue }
    "updated successfully" { exit 0 }
    default { exit 1 }
}
`;

export const conformance: Conformance = {
  kind: "tk-expect",
  server: TELNETD,
  leftOut: { identity: NO_IDENTITY, "wrong-identity": NO_IDENTITY },
  start: (plugin) => startOnTelnetd(plugin, { own: OWN, other: OTHER }),
};
