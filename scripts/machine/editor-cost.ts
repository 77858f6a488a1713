/** What a new signal in TypeScript costs compilers and editors: part of bpf-cost.ts. */
import { type ChildProcessWithoutNullStreams, execFileSync, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

/** Ticks of /proc/PID/stat in a second: USER_HZ. */
const ticksPerSecond = 100;

/** Processor time of a process, seconds; of its children that have ended when `ofChildren`. */
function processorSeconds(pid: number | "self", ofChildren = false): number {
  const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  // utime and stime, or cutime and cstime (proc(5)).
  const first = ofChildren ? 13 : 11;
  return (Number(fields[first]) + Number(fields[first + 1])) / ticksPerSecond;
}

/** Elapsed time and processor time, seconds. */
export interface Took {
  readonly elapsed: number;
  readonly processor: number;
}

/** Type-checks a project. */
export function check(compiler: string, project: string): Took {
  const [begun, before] = [performance.now(), processorSeconds("self", true)];
  execFileSync(process.execPath, [compiler, "--noEmit", "--project", project]);
  return { elapsed: (performance.now() - begun) / 1000, processor: processorSeconds("self", true) - before };
}

/** Calls `seen` with each message that a language server writes: JSON behind headers, of which one is its length. */
function onMessages(
  { stdout }: ChildProcessWithoutNullStreams,
  seen: (message: Record<string, unknown>) => void,
): void {
  let waiting = Buffer.alloc(0);
  stdout.on("data", (bytes: Buffer) => {
    waiting = Buffer.concat([waiting, bytes]);
    for (;;) {
      const headers = waiting.indexOf("\r\n\r\n");
      const length = Number(/Content-Length: (\d+)/.exec(waiting.subarray(0, Math.max(0, headers)).toString())?.[1]);
      if (headers < 0 || waiting.length < headers + 4 + length) {
        return;
      }
      seen(JSON.parse(waiting.subarray(headers + 4, headers + 4 + length).toString()) as Record<string, unknown>);
      waiting = waiting.subarray(headers + 4 + length);
    }
  });
}

/** How long a server takes from its start to an answer in which `wanted` is among the completions. */
async function completed(
  server: ChildProcessWithoutNullStreams,
  isAnswer: (message: Record<string, unknown>) => boolean,
  wanted: string,
  ask: (message: Record<string, unknown>) => void,
): Promise<Took> {
  const begun = performance.now();
  try {
    return await new Promise<Took>((resolve, reject) => {
      server.on("exit", () => {
        reject(new Error(`${server.spawnfile} ended before it answered`));
      });
      onMessages(server, (message) => {
        if (!isAnswer(message)) {
          ask(message);
        } else if (JSON.stringify(message).includes(`"${wanted}"`)) {
          resolve({
            elapsed: (performance.now() - begun) / 1000,
            processor: processorSeconds(server.pid ?? 0),
          });
        } else {
          reject(new Error(`${server.spawnfile}: ${wanted} is not among its completions`));
        }
      });
      ask({});
    });
  } finally {
    server.removeAllListeners("exit");
    server.kill();
  }
}

/** Where in signal.ts, from 0 on, a member of `e.task` is completed. */
function place(path: string): { text: string; line: number; character: number } {
  const text = readFileSync(path, "utf8");
  const before = text.slice(0, text.indexOf("e.task.comm") + "e.task.".length).split("\n");
  return { text, line: before.length - 1, character: before.at(-1)?.length ?? 0 };
}

/** The first completion in a project, by the server that editors run for TypeScript 6. */
export function completion6(tsserver: string, project: string): Promise<Took> {
  const file = join(project, "signal.ts");
  const { line, character } = place(file);
  const server = spawn(process.execPath, [tsserver, "--disableAutomaticTypingAcquisition"]);
  const send = (seq: number, command: string, args: object): void => {
    server.stdin.write(`${JSON.stringify({ seq, type: "request", command, arguments: args })}\n`);
  };
  let begun = false;
  return completed(
    server,
    ({ type, request_seq: request }) => type === "response" && request === 2,
    "group_leader",
    () => {
      if (!begun) {
        begun = true;
        send(1, "open", { file });
        send(2, "completionInfo", { file, line: line + 1, offset: character + 1 });
      }
    },
  );
}

/** The same by the language server of TypeScript 7, which is a program of its own. */
export function completion7(compiler: string, project: string): Promise<Took> {
  const uri = pathToFileURL(join(project, "signal.ts")).href;
  const { text, line, character } = place(join(project, "signal.ts"));
  const server = spawn(compiler, ["--lsp", "--stdio"]);
  const send = (message: object): void => {
    const body = JSON.stringify({ jsonrpc: "2.0", ...message });
    server.stdin.write(`Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`);
  };
  let begun = false;
  return completed(
    server,
    ({ id, method }) => id === 2 && method === undefined,
    "group_leader",
    ({ id, method }) => {
      if (!begun) {
        begun = true;
        const rootUri = pathToFileURL(project).href;
        send({ id: 1, method: "initialize", params: { processId: process.pid, rootUri, capabilities: {} } });
      } else if (method !== undefined && id !== undefined) {
        // What it asks of an editor: there is no setting.
        send({ id, result: method === "workspace/configuration" ? [null] : null });
      } else if (id === 1) {
        send({ method: "initialized", params: {} });
        const textDocument = { uri, languageId: "typescript", version: 1, text };
        send({ method: "textDocument/didOpen", params: { textDocument } });
        send({
          id: 2,
          method: "textDocument/completion",
          params: { textDocument: { uri }, position: { line, character } },
        });
      }
    },
  );
}
