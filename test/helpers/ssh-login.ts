import { Client } from "ssh2";

/** Whether sshd on loopback lets the account in with the password: ssh2 alone, nothing of ours. */
export function sshLogsIn(port: number, username: string, password: string): Promise<boolean> {
  return new Promise((resolve, reject) => {
    const client = new Client();
    client.on("ready", () => {
      client.end();
      resolve(true);
    });
    client.on("error", (error) => {
      if (error.level === "client-authentication") resolve(false);
      else reject(error);
    });
    client.connect({ host: "127.0.0.1", port, username, password, readyTimeout: 20_000 });
  });
}
