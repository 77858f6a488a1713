/** Conversations of HTTP/1.x, and the requests that there are in each. */

import type { Conversation, Suite } from "./conversations.js";
import { proxyHeaders } from "./proxy-headers.js";

/** A request: its method, the status of its response, and how it failed; 0 where there was no response. */
type Request = readonly [method: string, status: number, error?: "truncated" | "closed"];

function request(method: string, target = "/", headers = "", body = ""): string {
  return `${method} ${target} HTTP/1.1\r\nHost: example\r\n${headers}\r\n${body}`;
}

function withBody(method: string, body: string, headers = ""): string {
  return request(method, "/form", `${headers}Content-Length: ${body.length}\r\n`, body);
}

function response(status: number, body = "", headers = `Content-Length: ${body.length}\r\n`): string {
  return `HTTP/1.1 ${status} Some Reason\r\nServer: test\r\n${headers}\r\n${body}`;
}

function chunks(parts: readonly string[], extension = "", trailers = ""): string {
  const sizes = parts.map((part) => `${part.length.toString(16)}${extension}\r\n${part}\r\n`);
  return `${sizes.join("")}0${extension}\r\n${trailers}\r\n`;
}

const chunked = "Transfer-Encoding: chunked\r\n";
const get = request("GET");
const ok = response(200, "hello");

/** A body that looks like a response, and one like a request. */
const likeResponse = "HTTP/1.1 500 Oh\r\nContent-Length: 3\r\n\r\nabc\r\n\r\n";
const likeRequest = "GET /inside HTTP/1.1\r\nHost: x\r\n\r\n";

function times<T>(count: number, value: T): T[] {
  return Array.from({ length: count }, () => value);
}

export const conversations: readonly Conversation<Request>[] = [
  {
    name: "one",
    steps: [
      ["C", get],
      ["S", ok],
    ],
    requests: [["GET", 200]],
  },
  {
    name: "keepalive",
    steps: [
      ["C", get],
      ["S", ok],
      ["C", withBody("POST", "a=b")],
      ["S", response(404, "no")],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["GET", 200],
      ["POST", 404],
      ["GET", 200],
    ],
  },
  {
    name: "methods",
    steps: ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"].flatMap(
      (method) =>
        [
          ["C", request(method)],
          ["S", ok],
        ] as const,
    ),
    requests: ["GET", "POST", "PUT", "DELETE", "OPTIONS", "TRACE", "PATCH"].map((method) => [method, 200]),
  },
  {
    name: "othermethod",
    steps: [
      ["C", get],
      ["S", ok],
      ["C", request("PROPFIND")],
      ["S", response(207, "<x/>")],
      ["C", request("Q")],
      ["S", ok],
    ],
    requests: [
      ["GET", 200],
      ["_OTHER", 207],
      ["_OTHER", 200],
    ],
  },
  ...["PROPFIND", "PURGE", "FOO", "UNSUBSCRIBE"].map((method) => ({
    name: `first${method.toLowerCase()}`,
    steps: [
      ["C", request(method)],
      ["S", response(207, "<x/>")],
      ["C", get],
      ["S", ok],
    ] as const,
    requests: [["_OTHER", 207] as const, ["GET", 200] as const],
  })),
  ...["INVITE sip:a@example.org SIP/2.0", "NICK somebody"].map((line) => ({
    name: `not${line.slice(0, 4).toLowerCase()}`,
    steps: [
      ["C", `${line}\r\n${get}`],
      ["S", ok],
    ] as const,
    requests: [],
  })),
  {
    name: "head",
    steps: [
      ["C", request("HEAD")],
      ["S", response(200, "", "Content-Length: 5000\r\n")],
      ["C", request("HEAD")],
      ["S", response(200, "", chunked)],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["HEAD", 200],
      ["HEAD", 200],
      ["GET", 200],
    ],
  },
  {
    name: "nobody",
    steps: [
      ["C", get],
      ["S", response(204, "", "")],
      ["C", get],
      ["S", response(304, "", "Content-Length: 77\r\n")],
      ["C", get],
      ["S", response(200, "")],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["GET", 204],
      ["GET", 304],
      ["GET", 200],
      ["GET", 200],
    ],
  },
  {
    name: "chunked",
    steps: [
      ["C", get],
      ["S", response(200, chunks(["hello", "wor\r\nld", "x".repeat(300)]), chunked)],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["GET", 200],
      ["GET", 200],
    ],
  },
  {
    name: "extensions",
    steps: [
      ["C", get],
      [
        "S",
        response(200, chunks(["hello", "0\r\n\r\n"], ';a=b;c="d\\"e"', "Content-Length: 9\r\nX-Sum: 1\r\n"), chunked),
      ],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["GET", 200],
      ["GET", 200],
    ],
  },
  {
    name: "chunkedpost",
    steps: [
      ["C", request("POST", "/up", chunked, chunks(["A".repeat(26), "b"], "", "X-End: yes\r\n"))],
      ["S", response(201)],
      ["C", request("PUT", "/up", "transfer-encoding:\tgzip, Chunked\r\n", chunks(["abc"]))],
      ["S", response(200)],
    ],
    requests: [
      ["POST", 201],
      ["PUT", 200],
    ],
  },
  {
    name: "interim",
    steps: [
      ["C", request("POST", "/", "Expect: 100-continue\r\nContent-Length: 4\r\n")],
      ["S", "HTTP/1.1 100 Continue\r\n\r\n"],
      ["C", "data"],
      ["S", "HTTP/1.1 103 Early Hints\r\nLink: </a.css>\r\n\r\n"],
      ["S", ok],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["POST", 200],
      ["GET", 200],
    ],
  },
  {
    name: "refusedbody",
    steps: [
      ["C", request("POST", "/", "Expect: 100-continue\r\nContent-Length: 400000\r\n")],
      ["S", response(417)],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["POST", 417],
      ["GET", 200],
    ],
  },
  {
    name: "early",
    steps: [
      ["C", request("POST", "/", "Content-Length: 20\r\n", "0123456789")],
      ["S", response(413, "too large", "Connection: close\r\nContent-Length: 9\r\n")],
    ],
    first: "S",
    requests: [["POST", 413]],
  },
  {
    name: "earlythenrest",
    steps: [
      ["C", request("POST", "/", "Content-Length: 20\r\n", "0123456789")],
      ["S", response(200, "early")],
      ["C", `9876543210${get}`],
      ["S", ok],
    ],
    requests: [
      ["POST", 200],
      ["GET", 200],
    ],
  },
  {
    name: "badhead",
    steps: [
      ["C", "GET / HTTP/1.1\r\nHost: x\r\nThis-header-is-not-over: "],
      ["S", response(400, "bad", "Connection: close\r\nContent-Length: 3\r\n")],
    ],
    first: "S",
    requests: [["GET", 400]],
  },
  {
    name: "upgrade",
    steps: [
      ["C", request("GET", "/socket", "Connection: Upgrade\r\nUpgrade: websocket\r\n")],
      ["S", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n"],
      ["C", `\x81\x05hello${likeRequest}`],
      ["S", likeResponse],
    ],
    requests: [["GET", 101]],
  },
  {
    name: "connect",
    steps: [
      ["C", "CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n"],
      ["S", "HTTP/1.1 200 Connection established\r\n\r\n"],
      ["C", likeRequest],
      ["S", likeResponse],
    ],
    requests: [["CONNECT", 200]],
  },
  {
    name: "connectdenied",
    steps: [
      ["C", "CONNECT example:443 HTTP/1.1\r\nHost: example:443\r\n\r\n"],
      ["S", response(407, "who?")],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["CONNECT", 407],
      ["GET", 200],
    ],
  },
  {
    name: "untilclose",
    steps: [
      ["C", "GET / HTTP/1.0\r\n\r\n"],
      ["S", `HTTP/1.0 200 OK\r\nServer: old\r\n\r\n${likeResponse}`],
    ],
    first: "S",
    requests: [["GET", 200]],
  },
  {
    name: "untilclose11",
    steps: [
      ["C", get],
      ["S", ok],
      ["C", get],
      ["S", response(200, "x".repeat(700), "Connection: close\r\n")],
    ],
    first: "S",
    requests: [
      ["GET", 200],
      ["GET", 200],
    ],
  },
  {
    name: "lfonly",
    steps: [
      ["C", "GET / HTTP/1.1\nHost: x\n\nPOST / HTTP/1.1\ncontent-length: 3\n\nabc"],
      ["S", "HTTP/1.1 200 OK\ncontent-length:2\n\nhi"],
      ["S", "HTTP/1.1 200 OK\nTransfer-Encoding: chunked\n\n3\nabc\n0\n\n"],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["GET", 200],
      ["POST", 200],
      ["GET", 200],
    ],
  },
  {
    name: "emptylines",
    steps: [
      ["C", get],
      ["S", ok],
      ["C", `\r\n\r\n${get}`],
      ["S", ok],
      ["C", `\n${get}`],
      ["S", ok],
    ],
    requests: times(3, ["GET", 200]),
  },
  {
    name: "bodiesalike",
    steps: [
      ["C", withBody("POST", likeRequest)],
      ["S", response(200, likeResponse)],
      ["C", withBody("PUT", `\r\n\r\n${likeResponse}`)],
      ["S", response(500, likeRequest)],
    ],
    requests: [
      ["POST", 200],
      ["PUT", 500],
    ],
  },
  {
    name: "odd",
    steps: [
      ["C", "GET /?q=%0d HTTP/1.1\r\nX:\r\nA: b\r\ncontent-lengthy: 7\r\nX-Content-Length: 9\r\n\r\n"],
      ["S", "HTTP/1.1 200\r\nCONTENT-LENGTH:   3  \r\nTransfer-Encodings: chunked\r\n\r\nabc"],
      ["C", get],
      ["S", "HTTP/1.0 200 OK\r\nContent-length:0\r\n\r\n"],
    ],
    requests: [
      ["GET", 200],
      ["GET", 200],
    ],
  },
  {
    name: "longhead",
    steps: [
      ["C", request("GET", `/${"p".repeat(700)}`, `Cookie: ${"c".repeat(3_000)}\r\n`)],
      ["S", response(200, "x", `Set-Cookie: ${"s".repeat(2_000)}\r\nContent-Length: 1\r\n`)],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["GET", 200],
      ["GET", 200],
    ],
  },
  {
    name: "pipeline",
    steps: [
      ["C", get.repeat(20)],
      ["S", ok.repeat(20)],
    ],
    requests: times(20, ["GET", 200]),
  },
  {
    name: "pipelinemixed",
    steps: [
      ["C", `${get}${request("HEAD")}${withBody("POST", likeRequest)}${get}`],
      ["S", ok],
      ["S", `${response(200, "", "Content-Length: 9\r\n")}${response(201, chunks(["a"]), chunked)}`],
      ["C", get],
      ["S", `${response(304, "", "")}${ok}`],
    ],
    requests: [
      ["GET", 200],
      ["HEAD", 200],
      ["POST", 201],
      ["GET", 304],
      ["GET", 200],
    ],
  },
  {
    name: "pipelinedeep",
    steps: [
      ["C", `${get}${request("HEAD")}`.repeat(60)],
      ["S", `${ok}${response(200, "", "Content-Length: 9\r\n")}`.repeat(60)],
      ["C", get],
      ["S", ok],
    ],
    requests: [...times(61, ["GET", 200] as const), ...times(60, ["HEAD", 200] as const)],
  },
  {
    name: "unanswered",
    steps: [
      ["C", get],
      ["S", ok],
      ["C", get],
    ],
    requests: [
      ["GET", 200],
      ["GET", 0, "closed"],
    ],
  },
  {
    name: "unansweredmany",
    steps: [
      ["C", get.repeat(50)],
      ["S", ok.repeat(3)],
    ],
    first: "S",
    requests: [...times(3, ["GET", 200] as const), ...times(47, ["GET", 0, "closed"] as const)],
  },
  {
    name: "cutshort",
    steps: [
      ["C", get],
      ["S", response(200, "12345", "Content-Length: 10\r\n")],
    ],
    first: "S",
    requests: [["GET", 200, "truncated"]],
  },
  ...Object.entries(proxyHeaders).map(([name, header]): Conversation<Request> => ({
    name: `proxy${name}`,
    steps: [
      ["C", `${header}${get}`],
      ["S", ok],
      ["C", withBody("POST", "a=b")],
      ["S", response(404, "no")],
    ],
    requests: [
      ["GET", 200],
      ["POST", 404],
    ],
  })),
  ...["\r\n", "\n\n", "\r\n\r\n"].map((lines, index): Conversation<Request> => ({
    name: `emptylines${index}`,
    steps: [
      ["C", `${lines}${get}`],
      ["S", ok],
      ["C", `${lines}${request("DELETE")}`],
      ["S", ok],
    ],
    requests: [
      ["GET", 200],
      ["DELETE", 200],
    ],
  })),
  {
    name: "emptylinesother",
    steps: [
      ["C", `\r\n${request("PROPFIND")}`],
      ["S", response(207, "<x/>")],
    ],
    requests: [["_OTHER", 207]],
  },
  {
    name: "proxyemptylines",
    steps: [
      ["C", `${proxyHeaders.tcp4}\r\n${get}`],
      ["S", ok],
    ],
    requests: [["GET", 200]],
  },
  {
    // A call of its own.
    name: "proxyapart",
    steps: [
      ["C", proxyHeaders.tcp4],
      ["C", get],
      ["S", ok],
    ],
    requests: [["GET", 200]],
  },
  {
    name: "proxyothermethod",
    steps: [
      ["C", `${proxyHeaders.binary}${request("PROPFIND")}`],
      ["S", response(207, "<x/>")],
    ],
    requests: [["_OTHER", 207]],
  },
  {
    // No header, but methods that begin as one does.
    name: "likeproxy",
    steps: [
      ["C", request("PROXY")],
      ["S", ok],
      ["C", request("PROXY", "TCP")],
      ["S", ok],
    ],
    requests: times(2, ["_OTHER", 200]),
  },
  {
    // A header is the first that there is, and only one.
    name: "proxytwice",
    steps: [["C", `${proxyHeaders.unknown}${proxyHeaders.binary}${get}`]],
    requests: [],
  },
  {
    name: "proxybroken",
    steps: [["C", `${proxyHeaders.binary.replace("QUIT", "QUIZ")}${get}`]],
    requests: [],
  },
  {
    name: "proxyendless",
    steps: [["C", `PROXY UNKNOWN ${"x".repeat(94)}\r\n${get}`]],
    requests: [],
  },
  {
    name: "large",
    steps: [
      ["C", withBody("POST", "p".repeat(200_000))],
      ["S", response(200, "r".repeat(200_000))],
      ["C", get],
      ["S", ok],
    ],
    requests: [
      ["POST", 200],
      ["GET", 200],
    ],
  },
];

export const suite: Suite<Request> = {
  conversations,
  metrics: { client: "http_client_request_duration_seconds", server: "http_server_request_duration_seconds" },
  labels: ["http_request_method", "http_response_status_code", "error_type"],
  valuesOf([method, status, error], role) {
    const failed = status >= (role === "client" ? 400 : 500) ? `${status}` : "";
    return [method, status === 0 ? "" : `${status}`, error ?? failed];
  },
};
