import {
  type ClientRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  request,
  type RequestOptions,
} from "node:http";
import { request as secureRequest, type RequestOptions as SecureRequestOptions } from "node:https";

export interface Answer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

function answer(send: (onResponse: (response: IncomingMessage) => void) => ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = send((response) => {
      const pieces: Buffer[] = [];
      response.on("data", (piece: Buffer) => pieces.push(piece));
      response.on("error", reject);
      response.on("end", () => {
        resolve({ status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(pieces) });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

/** One request to `address` (`host:port`) on a connection of its own. */
export function ask(address: string, path: string, options: RequestOptions = {}): Promise<Answer> {
  return answer((onResponse) => request(`http://${address}${path}`, { agent: false, ...options }, onResponse));
}

/** The same by HTTPS. */
export function askSecurely(address: string, path: string, options: SecureRequestOptions): Promise<Answer> {
  return answer((onResponse) => secureRequest(`https://${address}${path}`, { agent: false, ...options }, onResponse));
}
